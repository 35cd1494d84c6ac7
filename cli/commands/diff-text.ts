import { type ListedDescriptor, type ListedModel, nearNames } from '../../src/allow-list/index.ts';
import { parseModelName, shortDigest, shortName } from '../../src/oci/index.ts';
import { diffLines, printable, renderTextDiff, shownSize } from '../../src/report/index.ts';
import type { DescribedLayer, DescribedModel } from '../../src/verify/index.ts';
import type { AliasChange, Comparison, EntryChange } from './comparison.ts';
import { counted } from './context.ts';
import { shownGgufChanges } from './gguf-changes.ts';

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
  for (const { name, model } of difference.added) {
    const near = nearNames(name, before.models.keys()).slice(0, 3).map(shown);
    const warning = near.length === 0 ? '' : `   warning: could be taken for ${near.join(', ')}`;
    yield `added    ${shown(name)}   ${shownSize(totalSize(model))}${warning}\n`;
  }
  yield* removedLines(comparison);
  for (const name of comparison.unreadable)
    yield `refused  ${shown(name)}   its manifest in the store; verify-models ${shown(name)} says why\n`;
  for (const model of moved) yield* movedText(model, color);
  for (const change of comparison.entries) yield* entryLines(change);
  const { added, removed, unchanged } = difference;
  const gone = after === undefined ? 'not in the store' : 'removed';
  yield `${added.length} added, ${removed.length} ${gone}, ${moved.length} changed, ${unchanged} unchanged\n`;
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

function* movedText(model: DescribedModel, color: boolean): Generator<string> {
  const { name, before, after, layers } = model;
  yield `changed  ${shown(name)}   manifest ${shortDigest(before.manifest.digest)} -> ${shortDigest(after.manifest.digest)}\n`;
  if (layers.length === 0) {
    yield sameContent(before, after)
      ? '  the manifest was written again; config and layers are the same\n'
      : '  the same layers, in another order or described otherwise\n';
  }
  for (const layer of layers) yield* layerText(layer, color);
}

/** Config and layers equal in order, media type, size and name; chunk tables are told apart on their own. */
function sameContent(before: ListedModel, after: ListedModel): boolean {
  const text = ({ config, layers }: ListedModel) =>
    JSON.stringify(
      [config, ...layers].map((entry) => [entry.mediaType, entry.digest, entry.size, entry.name]),
    );
  return text(before) === text(after);
}

function* layerText({ kind, before, after, content }: DescribedLayer, color: boolean): Generator<string> {
  const side = (entry: ListedDescriptor | undefined) =>
    entry === undefined ? 'none' : `${shortDigest(entry.digest)} (${shownSize(entry.size)})`;
  yield `  ${printable(kind).padEnd(9)} ${side(before)} -> ${side(after)}\n`;
  if (content.kind === 'unread') {
    yield `    nothing to read: ${printable(content.problem)}\n`;
    return;
  }
  const oneSided = before === undefined || after === undefined || content.unreadBefore !== undefined;
  if (content.unreadBefore !== undefined)
    yield `    before: ${printable(content.unreadBefore)}; this is all of what it is now\n`;
  if (content.kind === 'metadata') {
    const { changes, header } = content;
    for (const change of header) yield `    ${change.what}: ${change.before} -> ${change.after}\n`;
    // Only what was read on both sides can be called the same; what else differs was not looked at.
    if (changes.length + header.length === 0)
      yield oneSided
        ? '    it has no metadata\n'
        : '    its metadata, GGUF version and count of tensors are the same; other bytes differ\n';
    yield* shownGgufChanges(changes, color);
  } else if (oneSided && content.before === content.after) yield '    it is empty\n';
  else if (content.before === content.after) yield '    the texts read alike, and their bytes differ\n';
  else {
    for (const line of renderTextDiff(diffLines(content.before, content.after), { color }))
      yield `    ${line}`;
  }
}

function* entryLines({ name, tables, note, source }: EntryChange): Generator<string> {
  const told = (text: string | undefined) => (text === undefined ? 'none' : `"${printable(text)}"`);
  if (tables.length > 0)
    yield `tables   ${shown(name)}   another chunk table for the same ${printable(tables.join(', '))}: sign checks it\n`;
  if (note !== undefined) yield `note     ${shown(name)}   ${told(note.before)} -> ${told(note.after)}\n`;
  if (source !== undefined)
    yield `source   ${shown(name)}   ${told(source.before)} -> ${told(source.after)}\n`;
}
