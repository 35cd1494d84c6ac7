import { existsSync } from 'node:fs';
import {
  type AllowList,
  compareLists,
  type ListDifference,
  NearNames,
  thoroughLimits,
  type VerifiedModel,
} from '../../src/allow-list/index.ts';
import { parseModelName, shortName } from '../../src/oci/index.ts';
import { printable } from '../../src/report/index.ts';
import { approvalsPath } from '../../src/trust/index.ts';
import type { ForList } from '../../src/verify/index.ts';
import { carried, counted, nextLine, type TypedFlags } from './context.ts';
import { defaultKeyName } from './keygen.ts';

export interface AllowedChange {
  readonly path: string;
  readonly before: AllowList;
  readonly after: AllowList;
  readonly put: readonly VerifiedModel[];
  readonly verified: Partial<ForList> | undefined;
  readonly flags: TypedFlags;
}

/** Warnings of one run. */
const warningsShown = 20;

/** What `allow` did to a list, what a person should know before it is approved, and the command that approves it. */
export function allowSummary(change: AllowedChange): string {
  const { path, before, after, put, verified, flags } = change;
  const difference = compareLists(before.models, after.models);
  const key = existsSync(`${defaultKeyName}.key`) ? `${defaultKeyName}.key` : 'KEY';
  const lines = [
    ...differenceLines(difference, put.length),
    ...warningLines(verified),
    ...nearLines(difference, after),
    after === before
      ? `list ${after.listId} version ${after.version} says so already, in ${printable(path)}`
      : `list ${after.listId} version ${after.version}: ${counted(after.models.size, 'model')}, in ${printable(path)}`,
    ...(after !== before && existsSync(approvalsPath(path))
      ? [`approvals of version ${before.version} in ${printable(approvalsPath(path))} no longer count`]
      : []),
  ];
  return `${lines.join('\n')}\n${nextLine(['sign', path, '--key', key, ...carried(flags)], flags)}`;
}

const shown = (full: string): string => printable(shortName(parseModelName(full)));

function* differenceLines(
  { added, removed, moved, unchanged }: ListDifference,
  verified: number,
): Generator<string> {
  for (const { name } of added) yield `added    ${shown(name)}`;
  for (const { name, layers, restated } of moved) {
    const kinds = [...new Set([...layers, ...restated].map(({ kind }) => kind))];
    const what = kinds.length === 0 ? 'manifest' : kinds.join(', ');
    yield `changed  ${shown(name)}   (${what})`;
  }
  for (const { name } of removed) yield `removed  ${shown(name)}`;
  if (added.length + moved.length === 0 && verified > 0) yield `${counted(verified, 'model')} verified`;
  if (unchanged > 0) yield `${unchanged} unchanged`;
}

/** What does not fail a check may still matter to the one who signs: a model that sends prompts away. */
function* warningLines(verified: AllowedChange['verified']): Generator<string> {
  const warnings = (verified?.report?.findings ?? []).filter(({ severity }) => severity === 'warning');
  for (const { message } of warnings.slice(0, warningsShown)) yield `warning: ${printable(message)}`;
  const more = warnings.length - warningsShown;
  if (more > 0) yield `warning: and ${more} more; verify-models shows them`;
}

/** Names a person could take for one another are pointed out before anybody signs. */
function* nearLines({ added }: ListDifference, list: AllowList): Generator<string> {
  const names = new NearNames(list.models.keys(), thoroughLimits);
  for (const { name } of added) {
    const near = names.find(name);
    if (near.length > 0) yield `warning: ${shown(name)} could be taken for ${near.map(shown).join(', ')}`;
  }
}
