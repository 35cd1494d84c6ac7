import { Companions } from '../../src/allow-list/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { type CheckedManifests, checkManifests, checkTables, tabledBlobs } from '../../src/verify/index.ts';
import type { Io } from '../terminal/index.ts';
import { settingsOf, storeOf } from './context.ts';
import type { SignFlags } from './sign-flags.ts';
import type { Subject } from './sign-subject.ts';

const settingsFor = ({ store, config, chunks, jobs, followLinksInto }: SignFlags, io: Io) =>
  settingsOf({ store, config, chunks, jobs, followLinksInto }, io);

/**
 * Compares all that a list says of its models with their manifests: beside the list, else in the store.
 *
 * @returns undefined where no list is signed
 * @throws KnownError LIST_CONTRADICTS, MANIFESTS_UNSEEN
 */
export async function checkManifestsOf(
  { list, path }: Subject,
  flags: SignFlags,
  io: Io,
): Promise<CheckedManifests | undefined> {
  if (list === undefined) return undefined;
  const settings = settingsFor(flags, io);
  const request = {
    store: async () => (await storeOf(settings, io)).path,
    followLinksInto: settings['follow-links-into'] ?? [],
    signal: io.interrupted,
  };
  const companions = new Companions(path, settings.chunks);
  return checkManifests(list, companions, request, flags.manifestsUnseen === true);
}

/**
 * How the chunk tables of a list were dealt with: how many were held against their bytes, or that none was.
 *
 * @throws KnownError TABLES_UNSEEN
 */
export async function checkTablesOf(
  { list, path }: Subject,
  flags: SignFlags,
  io: Io,
): Promise<number | 'unseen'> {
  const count = list === undefined ? 0 : tabledBlobs(list).length;
  if (list === undefined || count === 0) return 0;
  if (flags.tablesUnseen === true) return 'unseen';
  const settings = settingsFor(flags, io);
  const store = await storeOf(settings, io).catch((error: unknown) => {
    if (!(error instanceof KnownError)) throw error;
    throw new KnownError('TABLES_UNSEEN', { count, problem: error.message }, error);
  });
  return checkTables(list, new Companions(path, settings.chunks), {
    store: store.path,
    followLinksInto: settings['follow-links-into'] ?? [],
    jobs: settings.jobs ?? Math.min(io.cores, 6),
    now: io.now(),
    signal: io.interrupted,
  });
}
