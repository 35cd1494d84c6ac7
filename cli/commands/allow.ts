import { dirname } from 'node:path';
import {
  type AllowList,
  Companions,
  changeList,
  compareLists,
  emptyList,
  isListId,
  type ListDifference,
  listSizeLimit,
  nearNames,
  parseAllowList,
  writeAllowList,
} from '../../src/allow-list/index.ts';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { replaceFile } from '../../src/files/index.ts';
import { shellWord } from '../../src/findings/index.ts';
import { fullName, parseModelName, shortName } from '../../src/oci/index.ts';
import { printable } from '../../src/report/index.ts';
import { approvalsPath, readIfThere } from '../../src/trust/index.ts';
import { type ForList, verifyForList } from '../../src/verify/index.ts';
import type { Io } from '../terminal/index.ts';
import { observe, requestOf } from './check.ts';
import { settingsOf, storeOf, type TypedFlags } from './context.ts';

/** Flags of `allow`, beside the common ones and those of `check` that it shares. */
export interface AllowFlags extends TypedFlags {
  readonly all?: boolean;
  readonly remove?: readonly string[];
  readonly note?: string;
  readonly source?: string;
  readonly listId?: string;
}

const noted = 1000;

/** `verify-models allow MODEL...|--all`: verifies models, then adds or updates their entries of a list. */
export async function runAllow(words: readonly string[], flags: AllowFlags, io: Io): Promise<number> {
  const { all, remove = [], note, source, listId, ...common } = flags;
  refuseNonsense(words, flags);
  const settings = settingsOf(common, io);
  const listPath = settings['allow-list'] ?? 'allow-list.json';
  const before = readList(listPath, listId);
  const gone = remove.map((word) => fullName(parseModelName(word)));
  const stranger = gone.find((name) => !before.models.has(name));
  if (stranger !== undefined) throw new KnownError('USAGE', { problem: `${stranger} is not on the list` });
  let verified: ForList | undefined;
  if (all === true || words.length > 0) {
    const { path: store } = await storeOf(settings, io);
    const request = {
      ...requestOf(words, settings, store, io),
      quick: false,
      subset: undefined,
      list: undefined,
    };
    const observer = observe(settings, [], io);
    try {
      verified = await verifyForList(request, {
        now: io.now,
        monotonic: io.monotonic,
        signal: io.interrupted,
        observer,
      });
    } finally {
      observer.ended();
    }
  }
  const put = verified?.models ?? [];
  const after = changeList(before, { put, remove: gone, note, source });
  if (after !== before) write(listPath, after, verified, settings.chunks);
  await io.stdout.write(summary(listPath, before, after, put.length));
  return 0;
}

function refuseNonsense(words: readonly string[], { all, remove = [], note, source }: AllowFlags): void {
  const refuse = (problem: string) => new KnownError('USAGE', { problem });
  if (words.length > 0 && all === true) throw refuse('name models, or give --all');
  if (words.length === 0 && all !== true && remove.length === 0)
    throw refuse('name models, give --all, or --remove MODEL');
  for (const text of [note, source]) {
    if (text !== undefined && (text.length > noted || /\p{Cc}/u.test(text))) {
      throw refuse(`a note or source has at most ${noted} characters on one line`);
    }
  }
}

function readList(path: string, listId: string | undefined): AllowList {
  let bytes: Buffer | undefined;
  try {
    bytes = readIfThere(path, listSizeLimit);
  } catch (error) {
    throw new KnownError('LIST_UNREADABLE', { path, problem: describeCause(error) }, error);
  }
  if (bytes === undefined) {
    if (listId !== undefined && !isListId(listId))
      throw new KnownError('USAGE', {
        problem: `--list-id ${listId.slice(0, 80)}: letters, digits and . _ : / - only`,
      });
    return emptyList(listId ?? 'models');
  }
  const list = parseAllowList(bytes);
  if (listId === undefined || listId === list.listId) return list;
  throw new KnownError('USAGE', {
    problem: `the list is called ${list.listId}; a list keeps its id for ever`,
  });
}

/** Tables and manifests first, the list last: a list that is there has everything it names. */
function write(
  path: string,
  list: AllowList,
  verified: ForList | undefined,
  chunks: string | undefined,
): void {
  try {
    verified?.keep(new Companions(path, chunks));
    replaceFile(path, writeAllowList(list), 0o644);
  } catch (error) {
    throw new KnownError(
      'FILE_UNWRITABLE',
      { path: `${path} (in ${dirname(path)})`, problem: describeCause(error) },
      error,
    );
  }
}

function summary(path: string, before: AllowList, after: AllowList, verified: number): string {
  if (after === before) {
    return `${verified} models verified; the list ${printable(path)} says so already\nnext: verify-models sign ${shellWord(path)} --key KEY\n`;
  }
  const difference = compareLists(before.models, after.models);
  const lines = [
    ...differenceLines(difference),
    ...nearLines(difference, after),
    `list ${after.listId} version ${after.version}: ${after.models.size} models, in ${printable(path)}`,
    before.version > 0
      ? `approvals of version ${before.version} in ${printable(approvalsPath(path))} no longer count`
      : '',
    `next: verify-models sign ${printable(shellWord(path))} --key KEY`,
  ];
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}

const shown = (full: string): string => printable(shortName(parseModelName(full)));

function* differenceLines({ added, removed, moved, unchanged }: ListDifference): Generator<string> {
  for (const { name } of added) yield `added    ${shown(name)}`;
  for (const { name, layers } of moved) {
    const what = layers.length === 0 ? 'manifest' : [...new Set(layers.map(({ kind }) => kind))].join(', ');
    yield `changed  ${shown(name)}   (${what})`;
  }
  for (const { name } of removed) yield `removed  ${shown(name)}`;
  if (unchanged > 0) yield `${unchanged} unchanged`;
}

/** Names a person could take for one another are pointed out before anybody signs. */
function* nearLines({ added }: ListDifference, list: AllowList): Generator<string> {
  for (const { name } of added) {
    const near = nearNames(name, list.models.keys());
    if (near.length > 0)
      yield `warning: ${shown(name)} could be taken for ${near.slice(0, 3).map(shown).join(', ')}`;
  }
}
