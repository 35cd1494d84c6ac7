import { createHash } from 'node:crypto';
import type { AllowList, Companions, ListedDescriptor } from '../allow-list/index.ts';
import { describeCause, KnownError } from '../errors/index.ts';
import { eachBounded, parseChunkTable } from '../hash/index.ts';
import { type Digest, digestFromBytes, digestHex } from '../oci/index.ts';
import type { OfferedFiles } from './offered-files.ts';
import { type OfferedManifests, offeredManifest } from './offered-manifests.ts';

/** Requests at once. */
const together = 8;

export interface CompanionCount {
  /** Written now. */
  readonly taken: number;
  readonly here: number;
  /** Not offered, not what their names say, or not to be written beside a list that stays: it does without them. */
  readonly missing: number;
}

const digestOf = (bytes: Uint8Array): Digest => digestFromBytes(createHash('sha256').update(bytes).digest());

/**
 * Tables and exact manifests that an accepted list names: each is held against its name before it is written.
 *
 * @param manifests those that were compared with the list
 * @param optional nothing else is to be written: where these cannot be, they are missing as they were before
 * @throws KnownError FILE_UNWRITABLE; what the mirror says
 */
export async function takeCompanions(
  { models }: AllowList,
  companions: Companions,
  files: OfferedFiles,
  { manifests, optional }: { readonly manifests: OfferedManifests; readonly optional: boolean },
): Promise<{ readonly tables: CompanionCount; readonly manifests: CompanionCount }> {
  const tabled = new Map<Digest, ListedDescriptor>();
  for (const { config, layers } of models.values())
    for (const entry of [config, ...layers])
      if (entry.chunks !== undefined) tabled.set(entry.chunks.table, entry);
  const put = (folder: string, write: () => Digest): 'taken' | 'missing' => {
    try {
      write();
      return 'taken';
    } catch (error) {
      if (optional) return 'missing';
      throw new KnownError('FILE_UNWRITABLE', { path: folder, problem: describeCause(error) }, error);
    }
  };
  const tables = { taken: 0, here: 0, missing: 0 };
  await eachBounded([...tabled], together, async ([digest, entry]) => {
    if (typeof companions.table(entry) !== 'string') {
      tables.here += 1;
      return;
    }
    const pieceSize = entry.chunks?.size ?? 1;
    const bytes = await files.get(`chunks/${digestHex(digest)}`, Math.ceil(entry.size / pieceSize) * 32);
    if (bytes === undefined || digestOf(bytes) !== digest) tables.missing += 1;
    else {
      const table = parseChunkTable(bytes, entry.size, pieceSize);
      tables[put(companions.chunks, () => companions.putTable(table))] += 1;
    }
  });
  const { fresh, here, missing } = manifests;
  const kept = { taken: 0, here, missing };
  await eachBounded([...fresh], together, async ([digest, held]) => {
    const bytes = held ?? (await offeredManifest(files, digest));
    if (bytes === undefined) kept.missing += 1;
    else kept[put(companions.manifests, () => companions.putManifest(bytes))] += 1;
  });
  return { tables, manifests: kept };
}
