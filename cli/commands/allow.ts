import {
  type AllowList,
  Companions,
  changeList,
  emptyList,
  writeAllowList,
} from '../../src/allow-list/index.ts';
import type { Settings } from '../../src/config/index.ts';
import { describeCause, KnownError, withoutCredentials } from '../../src/errors/index.ts';
import { replaceFile } from '../../src/files/index.ts';
import { unprintable } from '../../src/findings/index.ts';
import { fullName, isListId, parseModelName } from '../../src/oci/index.ts';
import {
  checkManifests,
  type ForList,
  verifyForList,
  verifyRemote,
  whyUnread,
} from '../../src/verify/index.ts';
import { connect } from '../network/index.ts';
import { type Io, liesInStore, resolveProgress, Transfers } from '../terminal/index.ts';
import { allowSummary } from './allow-summary.ts';
import { observe, requestOf } from './check.ts';
import { refuseFormats, settingsOf, storeOf, type TypedFlags } from './context.ts';
import { mirrorOf } from './fetch.ts';
import { parseListFile, readListIfThere } from './list-file.ts';
import { underListedHosts } from './under-listed-hosts.ts';

/** Flags of `allow`, beside the common ones and those of `check` that it shares. */
export interface AllowFlags extends TypedFlags {
  readonly all?: boolean;
  readonly remove?: readonly string[];
  readonly note?: string;
  readonly source?: string;
  readonly listId?: string;
}

/** Longest note or source. */
const noteLimit = 1000;

/** `verify-models allow MODEL...|--all`: verifies models, then adds or updates their entries of a list. */
export async function runAllow(words: readonly string[], flags: AllowFlags, io: Io): Promise<number> {
  const { all, remove = [], note, source, listId, ...common } = flags;
  refuseFormats(flags, 'allow');
  refuseNonsense(words, flags);
  const settings = settingsOf(common, io);
  const path = settings['allow-list'] ?? 'allow-list.json';
  const before = readListIfThere(path) ?? newList(listId);
  if (listId !== undefined && listId !== before.listId) {
    const problem = `the list is called ${before.listId}, and a list keeps its id for ever`;
    throw new KnownError('USAGE', { problem });
  }
  const gone = namesToRemove(remove, before);
  const verified =
    // Typed, not configured: a host whose settings name a mirror still lists what lies in its own store.
    flags.from === undefined
      ? all === true || words.length > 0
        ? await verify(words, path, settings, io)
        : undefined
      : await verifyFrom(words, settings, io);
  const put = underListedHosts(before, verified?.models ?? []);
  const after = changeList(before, { put, remove: gone, note, source });
  await refuseLies(after, path, flags.from === undefined && verified !== undefined, settings, io);
  write(path, { before, after, verified }, settings.chunks);
  await io.stdout.write(allowSummary({ path, before, after, put, verified, flags }));
  return 0;
}

function refuseNonsense(words: readonly string[], { all, remove = [], note, source }: AllowFlags): void {
  const refuse = (problem: string) => new KnownError('USAGE', { problem });
  const verifies = words.length > 0 || all === true;
  if (words.length > 0 && all === true) throw refuse('name models, or give --all, not both');
  if (!verifies && remove.length === 0) throw refuse('name models, give --all, or --remove MODEL');
  for (const [flag, text] of [
    ['--note', note],
    ['--source', source],
  ] as const) {
    if (text === undefined) continue;
    if (!verifies) throw refuse(`${flag} is for models that are named, or for --all`);
    if (text.length > noteLimit || unprintable.test(text)) {
      throw refuse(`${flag} takes at most ${noteLimit} characters on one line, all of them visible`);
    }
    if (withoutCredentials(text) !== text)
      throw refuse(`${flag} holds a user name or a password, and a list is read by everybody who has it`);
  }
}

function newList(listId = 'models'): AllowList {
  if (isListId(listId)) return emptyList(listId);
  throw new KnownError('USAGE', {
    problem: `--list-id ${listId.slice(0, 80)}: a list id has letters, digits and . _ : / - only, 128 at most`,
  });
}

function namesToRemove(words: readonly string[], { models }: AllowList): string[] {
  const names = words.map((word) => fullName(parseModelName(word)));
  const stranger = names.findIndex((name) => !models.has(name));
  if (stranger === -1) return names;
  throw new KnownError('USAGE', { problem: `${words[stranger]?.slice(0, 120)} is not on the list` });
}

/**
 * What is written by hand into the list stays there: it is not handed on to a signer where a manifest beside the list, or
 * in the store that was read, says otherwise.
 *
 * @throws KnownError LIST_CONTRADICTS
 */
async function refuseLies(
  list: AllowList,
  path: string,
  hasStore: boolean,
  settings: Settings,
  io: Io,
): Promise<void> {
  const request = {
    store: hasStore ? async () => (await storeOf({ ...settings, quiet: true }, io)).path : undefined,
    followLinksInto: settings['follow-links-into'] ?? [],
    signal: io.interrupted,
  };
  await checkManifests(list, new Companions(path, settings.chunks), request, true);
}

type Verified = Pick<ForList, 'models' | 'keep'> & Partial<ForList>;

/** The models are read from a mirror to the last byte; there need be no store here. */
async function verifyFrom(words: readonly string[], settings: Settings, io: Io): Promise<Verified> {
  if (words.length === 0)
    throw new KnownError('USAGE', { problem: '--from needs names: which models of the mirror are meant' });
  const names = words.map((word) => parseModelName(word));
  const upstream = connect(mirrorOf(settings), { ca: settings.ca }, io);
  const kind = resolveProgress(settings.progress ?? 'auto', settings.quiet === true, io);
  const transfers = new Transfers(kind, io);
  try {
    return await verifyRemote(names, upstream, {
      signal: io.interrupted,
      arrived: (digest, bytes, size) => transfers.arrived(digest, bytes, size),
    });
  } catch (error) {
    throw io.interrupted.aborted ? new KnownError('CANCELLED') : error;
  } finally {
    transfers.pause();
    await upstream.close();
  }
}

/** Every byte of the models is hashed, whatever the settings leave out of a check. */
async function verify(words: readonly string[], path: string, settings: Settings, io: Io): Promise<ForList> {
  const { path: store } = await storeOf(settings, io);
  for (const place of [path, new Companions(path, settings.chunks).chunks]) {
    if (!liesInStore(place, store)) continue;
    const problem = `${place} would lie inside the store, where Ollama deletes what is not its own`;
    throw new KnownError('USAGE', { problem });
  }
  const request = { ...requestOf(words, settings, store, io), quick: false, subset: undefined };
  const observer = observe(settings, [], io);
  try {
    const { now, monotonic, interrupted: signal } = io;
    const verified = await verifyForList(request, { now, monotonic, signal, observer });
    if (verified.models.length > 0) return verified;
    throw new KnownError('USAGE', { problem: `there is no model in ${store}, so there is nothing to list` });
  } finally {
    observer.ended();
  }
}

/** Tables and manifests first, the list last: a list that is there has everything it names. */
function write(
  path: string,
  { before, after, verified }: { before: AllowList; after: AllowList; verified: Verified | undefined },
  chunks: string | undefined,
): void {
  const text = writeAllowList(after);
  try {
    parseListFile(path, Buffer.from(text));
  } catch (error) {
    // Names that differ in case only, two tables for one blob: what cannot be read is not written.
    throw new KnownError('USAGE', { problem: `what would be written is ${whyUnread(error)}` }, error);
  }
  const companions = new Companions(path, chunks);
  const unwritable = (place: string, error: unknown) =>
    new KnownError('FILE_UNWRITABLE', { path: place, problem: describeCause(error) }, error);
  try {
    verified?.keep(companions);
  } catch (error) {
    throw unwritable(`${companions.chunks} or ${companions.manifests}`, error);
  }
  try {
    if (after !== before) replaceFile(path, text, 0o644);
  } catch (error) {
    throw unwritable(path, error);
  }
}
