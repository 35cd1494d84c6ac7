import { closeSync } from 'node:fs';
import type { AllowList, Companions, ListedDescriptor } from '../allow-list/index.ts';
import { describeCause, KnownError } from '../errors/index.ts';
import { eachBounded, HashPool } from '../hash/index.ts';
import type { Digest } from '../oci/index.ts';
import { BlobTable, OllamaStore, openBlob, readBlobs } from '../store/index.ts';

export interface TableCheck {
  readonly store: string;
  readonly followLinksInto: readonly string[];
  readonly jobs: number;
  readonly now: Date;
  readonly signal: AbortSignal;
}

/**
 * Holds every chunk table of a list against the bytes of its blob, whole digest and pieces in one pass: only that ties
 * a table to its blob, and a signer who did not look would approve whatever the table says.
 *
 * @throws KnownError TABLES_UNSEEN when a blob is not in this store or does not agree
 */
export async function checkTables(
  list: AllowList,
  companions: Companions,
  request: TableCheck,
): Promise<number> {
  const entries = tabled(list);
  if (entries.size === 0) return 0;
  using store = OllamaStore.open(request.store, request.followLinksInto, () => {});
  const table = new BlobTable();
  const found = new Map<Digest, number>();
  await readBlobs(store, table, {
    report: () => {},
    now: request.now,
    signal: request.signal,
    wanted: (digest) => entries.has(digest),
    onBlob: (index, digest) => void found.set(digest, index),
    onObstacle: () => {},
    onPartial: () => {},
  });
  const problems: string[] = [];
  const pool = new HashPool({ threads: request.jobs });
  const stop = () => pool.cancel();
  request.signal.addEventListener('abort', stop, { once: true });
  try {
    await eachBounded(entries.values(), request.jobs, async (entry) => {
      const index = found.get(entry.digest);
      const problem =
        index === undefined
          ? 'it is not in this store'
          : await disagreement(store, table, index, entry, companions, pool);
      if (problem !== undefined) problems.push(`${entry.digest.slice(0, 19)}: ${problem}`);
    });
  } finally {
    request.signal.removeEventListener('abort', stop);
    await pool.close();
  }
  if (problems.length === 0) return entries.size;
  throw new KnownError('TABLES_UNSEEN', {
    count: problems.length,
    problem: problems.sort().slice(0, 3).join('; '),
  });
}

function tabled(list: AllowList): Map<Digest, ListedDescriptor> {
  const entries = new Map<Digest, ListedDescriptor>();
  for (const { config, layers } of list.models.values()) {
    for (const entry of [config, ...layers]) if (entry.chunks !== undefined) entries.set(entry.digest, entry);
  }
  return entries;
}

async function disagreement(
  store: OllamaStore,
  table: BlobTable,
  index: number,
  entry: ListedDescriptor,
  companions: Companions,
  pool: HashPool,
): Promise<string | undefined> {
  const listed = companions.table(entry);
  if (typeof listed === 'string') return `its chunk table is ${listed}`;
  let fd: number | undefined;
  try {
    fd = openBlob(store, table, index);
    const made = await pool.digest(fd, `${index}`, listed.pieceSize);
    if (made.digest !== entry.digest) return 'the blob here is altered';
    const same = made.table !== undefined && Buffer.compare(made.table.bytes, listed.bytes) === 0;
    return same ? undefined : 'its chunk table is not that of the bytes';
  } catch (error) {
    return describeCause(error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
