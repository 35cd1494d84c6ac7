import type { ApprovedList } from '../../src/admission/index.ts';
import type { Settings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { ownerToBecome, prepareStore } from '../../src/installation/index.ts';
import { type ModelName, parseModelName } from '../../src/oci/index.ts';
import { whyUnstorable } from '../../src/transfer/index.ts';
import { assertProgramReadable, type Io } from '../terminal/index.ts';
import { wordsAfterFilling } from './after-filling.ts';
import { approvedListOf } from './approved-list.ts';
import { settingsOf, type TypedFlags } from './context.ts';
import { RepairRun } from './repair-run.ts';
import { sourcesOf } from './repair-sources.ts';

export interface MirrorInstall {
  readonly settings: Settings;
  readonly flags: TypedFlags;
  readonly store: string;
  readonly dryRun: boolean;
}

/**
 * Models of a mirror into a store, under their own names: what is named, or every listed model. What lies in the store
 * and is whole is not fetched again.
 */
export async function installFromMirror(
  url: string,
  words: readonly string[],
  { settings, flags, store, dryRun }: MirrorInstall,
  io: Io,
): Promise<number> {
  const { from } = settingsOf({ from: url, config: flags.config }, io);
  const sources = sourcesOf({ ...settings, from }, io);
  try {
    const approved = await approvedListOf(settings, store, io, dryRun);
    const names = namesOf(words, approved);
    for (const name of names) refuseUnstorable(name, io);
    const owner = dryRun ? undefined : ownerToBecome(store, io.uid);
    if (!dryRun) {
      // Everything before this line only read. From here on this is the store's owner.
      if (owner !== undefined) {
        assertProgramReadable(owner, io);
        io.become(owner);
      }
      prepareStore(store);
    }
    const uid = owner?.uid ?? io.uid;
    const run = new RepairRun(
      { path: store, settings, approved, from: sources, uid, verb: 'installed', dryRun },
      io,
    );
    try {
      for (const name of names) await run.one(name);
      return await run.end(flags, wordsAfterFilling(dryRun ? [url, ...words] : undefined, flags));
    } finally {
      await run.close();
    }
  } finally {
    await sources.close();
  }
}

/** @throws KnownError USAGE */
function namesOf(words: readonly string[], approved: ApprovedList | undefined): readonly ModelName[] {
  if (words.length > 0) return words.map((word) => parseModelName(word));
  if (approved !== undefined) return [...approved.list.models.keys()].map((name) => parseModelName(name));
  throw new KnownError('USAGE', {
    problem: 'name the models: without an allow-list nothing says which are meant',
  });
}

/** @throws KnownError NAME_UNSTORABLE */
function refuseUnstorable(name: ModelName, { platform }: Io): void {
  const problem = whyUnstorable(name, platform);
  if (problem !== undefined)
    throw new KnownError('NAME_UNSTORABLE', {
      name: `${name.host}/${name.namespace}/${name.model}:${name.tag}`,
      problem,
    });
}
