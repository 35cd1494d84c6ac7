import type { ApprovedList } from '../../src/admission/index.ts';
import type { Settings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { ownerToBecome, prepareStore } from '../../src/installation/index.ts';
import { type ModelName, parseModelName } from '../../src/oci/index.ts';
import { listModels } from '../../src/verify/index.ts';
import { assertProgramReadable, type Io, tellSwappable, trustFilesOf } from '../terminal/index.ts';
import { approvedListOf } from './approved-list.ts';
import { refuseFormats, settingsFileOf, settingsOf, storeOf, type TypedFlags } from './context.ts';
import { RepairRun } from './repair-run.ts';
import { sourcesOf } from './repair-sources.ts';

/** `verify-models repair [MODEL...] --from MIRROR|upstream`: fetches what is wrong in a store, and nothing else. */
export async function runRepair(words: readonly string[], flags: TypedFlags, io: Io): Promise<number> {
  refuseFormats(flags, 'repair');
  const settings = settingsOf(flags, io);
  const { path } = await storeOf(settings, io);
  await tellSwappable(trustFilesOf(settings, settingsFileOf(flags, io)), io);
  const from = sourcesOf(settings, io);
  const approved = await approvedListOf(settings, path, io);
  const names = await namesOf(words, path, approved, settings, io);
  // Everything before this line only read. From here on this is the store's owner.
  const owner = ownerToBecome(path, io.uid);
  if (owner !== undefined) {
    assertProgramReadable(owner, io);
    io.become(owner);
  }
  // An empty volume: what is listed comes into a store that is made here.
  if (names.length > 0) prepareStore(path);
  const run = new RepairRun({ path, settings, approved, from, uid: owner?.uid ?? io.uid }, io);
  try {
    for (const name of names) await run.one(name);
    if (words.length === 0) await run.orphans(names);
    return await run.end(flags);
  } finally {
    await run.close();
    await from.close();
  }
}

/** The models that are meant, spelled as they lie in the store; a listed one need not be there. */
async function namesOf(
  words: readonly string[],
  store: string,
  approved: ApprovedList | undefined,
  settings: Settings,
  io: Io,
): Promise<readonly ModelName[]> {
  const { models } = await listModels(store, settings['follow-links-into'] ?? [], io.now(), io.interrupted);
  const here = new Map(models.map(({ name }) => [name.toLowerCase(), parseModelName(name)]));
  if (words.length === 0) return [...here.values()];
  return words.map((word) => {
    const name = parseModelName(word);
    const { host, namespace, model, tag } = name;
    const found = here.get(`${host}/${namespace}/${model}:${tag}`.toLowerCase());
    if (found !== undefined || approved?.find(name) !== undefined) return found ?? name;
    throw new KnownError('USAGE', {
      problem: `${word.slice(0, 120)} is not in the store, and no allow-list says what it is`,
    });
  });
}
