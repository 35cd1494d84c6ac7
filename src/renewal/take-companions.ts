import { createHash } from 'node:crypto';
import type { AllowList, Companions, ListedDescriptor } from '../allow-list/index.ts';
import { describeCause, KnownError } from '../errors/index.ts';
import { eachBounded, parseChunkTable } from '../hash/index.ts';
import { type Digest, digestFromBytes, digestHex, manifestSizeLimit } from '../oci/index.ts';
import type { OfferedFiles } from './offered-files.ts';

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
 * @param optional nothing else is to be written: where these cannot be, they are missing as they were before
 * @throws KnownError FILE_UNWRITABLE; what the mirror says
 */
export async function takeCompanions(
  { models }: AllowList,
  companions: Companions,
  files: OfferedFiles,
  { optional }: { readonly optional: boolean },
): Promise<{ readonly tables: CompanionCount; readonly manifests: CompanionCount }> {
  const tabled = new Map<Digest, ListedDescriptor>();
  const manifests = new Set<Digest>();
  for (const { manifest, config, layers } of models.values()) {
    manifests.add(manifest.digest);
    for (const entry of [config, ...layers])
      if (entry.chunks !== undefined) tabled.set(entry.chunks.table, entry);
  }
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
  const kept = { taken: 0, here: 0, missing: 0 };
  await eachBounded([...manifests], together, async (digest) => {
    if (typeof companions.manifest(digest) !== 'string') {
      kept.here += 1;
      return;
    }
    const bytes = await files.get(`manifests/${digestHex(digest)}`, manifestSizeLimit);
    if (bytes === undefined || digestOf(bytes) !== digest) kept.missing += 1;
    else kept[put(companions.manifests, () => companions.putManifest(bytes))] += 1;
  });
  return { tables, manifests: kept };
}
