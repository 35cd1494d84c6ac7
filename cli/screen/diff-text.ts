import { type ListedModel, NearNames, thoroughLimits } from '../../src/allow-list/index.ts';
import { parseModelName, shortName } from '../../src/oci/index.ts';
import { printable, shownSize } from '../../src/report/index.ts';

import type { AliasChange, Comparison, EntryChange } from './comparison.ts';
import { counted } from './counted.ts';
import { movedText } from './moved-text.ts';

/** Listed models that are named although they are not in a store, which may hold three of five thousand. */
const absentShown = 10;

const shown = (full: string): string => printable(shortName(parseModelName(full)));

/** Bytes of a model, each blob once. */
export const totalSize = ({ config, layers }: ListedModel): number =>
  [...new Map([config, ...layers].map((entry) => [entry.digest, entry.size])).values()].reduce(
    (sum, size) => sum + size,
    0,
  );

/** The screen on which a person approves an update: what the lists are, then each model, then a sum. */
export function* diffText(comparison: Comparison, color: boolean): Generator<string> {
  const { before, after, difference, moved } = comparison;
  const then =
    after === undefined
      ? 'the store'
      : after.listId === before.listId
        ? `version ${after.version}`
        : `another list, ${after.listId} version ${after.version}`;
  yield `list ${before.listId} version ${before.version} -> ${then}\n`;
  for (const change of comparison.aliases) yield aliasLine(change);
  const names = new NearNames(before.models.keys(), thoroughLimits);
  for (const { name, model } of difference.added) {
    const near = names.find(name).map(shown);
    const warning = near.length === 0 ? '' : `   warning: could be taken for ${near.join(', ')}`;
    yield `added    ${shown(name)}   ${shownSize(totalSize(model))}${warning}\n`;
  }
  yield* removedLines(comparison);
  for (const name of comparison.unreadable)
    yield `refused  ${shown(name)}   its manifest in the store; verify-models ${shown(name)} says why\n`;
  for (const model of moved) yield* movedText(model, color);
  for (const change of comparison.entries) yield* entryLines(change);
  yield* unseenLines(comparison.unseen);
  const { added, removed, unchanged } = difference;
  const gone = after === undefined ? 'not in the store' : 'removed';
  yield `${added.length} added, ${removed.length} ${gone}, ${moved.length} changed, ${unchanged} unchanged\n`;
}

function* unseenLines(unseen: readonly string[]): Generator<string> {
  if (unseen.length === 0) return;
  const names = unseen.slice(0, absentShown).map(shown).join(', ');
  const more = unseen.length > absentShown ? ` and ${unseen.length - absentShown} more` : '';
  yield `unseen   ${names}${more}   no manifest is at hand: the layers are those that the list alone names\n`;
}

const aliasLine = ({ alias, before, after }: AliasChange): string =>
  `alias    ${printable(alias)}   ${printable(before ?? 'none')} -> ${printable(after ?? 'none')}\n`;

function* removedLines({ after, difference: { removed } }: Comparison): Generator<string> {
  const [word, named] =
    after === undefined ? ['absent ', removed.slice(0, absentShown)] : ['removed', removed];
  for (const { name, model } of named) yield `${word}  ${shown(name)}   ${shownSize(totalSize(model))}\n`;
  const more = removed.length - named.length;
  if (more > 0) yield `${word}  ${counted(more, 'more listed model')} not in the store\n`;
}

function* entryLines({ name, tables, note, source }: EntryChange): Generator<string> {
  const told = (text: string | undefined) => (text === undefined ? 'none' : `"${printable(text)}"`);
  if (tables.length > 0)
    yield `tables   ${shown(name)}   another chunk table for the same ${printable(tables.join(', '))}: sign checks it\n`;
  if (note !== undefined) yield `note     ${shown(name)}   ${told(note.before)} -> ${told(note.after)}\n`;
  if (source !== undefined)
    yield `source   ${shown(name)}   ${told(source.before)} -> ${told(source.after)}\n`;
}
