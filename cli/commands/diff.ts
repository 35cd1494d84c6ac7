import {
  type AllowList,
  Companions,
  compareWithManifests,
  manifestAtHand,
} from '../../src/allow-list/index.ts';
import type { Settings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { type Digest, parseModelName, shortName } from '../../src/oci/index.ts';
import { safeJson } from '../../src/report/index.ts';
import { assertAgrees, ComparedStore } from '../../src/verify/index.ts';
import { type Comparison, compareTwoLists, compareWithStore, diffText, isSame } from '../screen/index.ts';
import type { Io } from '../terminal/index.ts';
import { carried, nextLine, settingsOf, storeOf, type TypedFlags } from './context.ts';
import { diffDocument } from './diff-document.ts';
import { readListFile } from './list-file.ts';

/** Models that one command line names; more of them are meant by --all. */
const namedAtMost = 8;

/** `verify-models diff OLD [NEW]`: what changed between two lists, or a list and the store; the screen for an approval. */
export async function runDiff(
  old: string,
  fresh: string | undefined,
  flags: TypedFlags,
  io: Io,
): Promise<number> {
  const settings = settingsOf(flags, io);
  const { format = 'text' } = settings;
  if (format !== 'text' && format !== 'json' && flags.format !== undefined) {
    throw new KnownError('USAGE', { problem: `diff knows the formats text and json, not ${format}` });
  }
  const before = readListFile(old);
  const after = fresh === undefined ? undefined : readListFile(fresh);
  const lists = { before: { path: old, list: before }, after: after && { path: fresh ?? '', list: after } };
  const comparison = await compare(lists, settings, io);
  if (format === 'json') {
    await io.stdout.write(`${safeJson(diffDocument(comparison))}\n`);
    return 0;
  }
  const color = io.stdout.isTerminal && !io.environment.NO_COLOR && io.environment.TERM !== 'dumb';
  for (const line of diffText(comparison, color)) await io.stdout.write(line);
  await io.stdout.write(nextLine([...nextWords(comparison, old, fresh), ...carried(flags)], flags));
  return 0;
}

interface ListAt {
  readonly path: string;
  readonly list: AllowList;
}

async function compare(
  { before, after }: { readonly before: ListAt; readonly after: ListAt | undefined },
  settings: Settings,
  io: Io,
): Promise<Comparison> {
  if (after === undefined) {
    using store = await openStore(settings, io);
    await unseenOf(before, store);
    return compareWithStore(before.list, store);
  }
  using store = await openStoreIfThere(settings, io);
  await unseenOf(before, store);
  return compareTwoLists(before.list, after.list, store, await unseenOf(after, store));
}

/**
 * A person reads the layers of a list: where a manifest beside it or in the store says otherwise, nothing is shown.
 *
 * @returns full names of models whose manifest is in neither place
 * @throws KnownError LIST_CONTRADICTS
 */
async function unseenOf(
  { path, list }: ListAt,
  store: ComparedStore | undefined,
): Promise<readonly string[]> {
  const companions = new Companions(path);
  const atHand = (digest: Digest) => {
    const bytes = companions.manifest(digest);
    return typeof bytes === 'string' ? store?.manifests.get(digest) : manifestAtHand(bytes);
  };
  const { contradictions, unseen } = await compareWithManifests(list, atHand);
  assertAgrees(contradictions);
  return unseen;
}

async function openStore(settings: Settings, io: Io): Promise<ComparedStore> {
  const { path } = await storeOf({ ...settings, quiet: true }, io);
  return ComparedStore.open(path, settings['follow-links-into'] ?? [], io.now(), io.interrupted);
}

/** Between two lists texts and weights are read from the store too; there it need not be. */
async function openStoreIfThere(settings: Settings, io: Io): Promise<ComparedStore | undefined> {
  try {
    return await openStore(settings, io);
  } catch (error) {
    if (error instanceof KnownError && error.code !== 'CANCELLED') return undefined;
    throw error;
  }
}

function nextWords(comparison: Comparison, old: string, fresh: string | undefined): string[] {
  const list = fresh ?? old;
  if (fresh !== undefined && !isSame(comparison)) return ['sign', list, '--key', 'KEY'];
  const { added, moved } = comparison.difference;
  const names = [...added, ...moved].map(({ name }) => shortName(parseModelName(name)));
  if (fresh !== undefined || names.length === 0) return ['check', '--allow-list', list, '--key', 'KEY.pub'];
  // Under an alias a model has another name in the store than on the list.
  const all = names.length > namedAtMost || comparison.before.aliases.size > 0;
  return ['allow', ...(all ? ['--all'] : names), '--allow-list', list];
}
