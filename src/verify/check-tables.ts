import { closeSync } from 'node:fs';
import type { AllowList, Companions } from '../allow-list/index.ts';
import { KnownError } from '../errors/index.ts';
import { eachBounded, HashPool } from '../hash/index.ts';
import type { Digest } from '../oci/index.ts';
import { type BlobIndex, BlobTable, OllamaStore, openBlob, readBlobs } from '../store/index.ts';
import { type TabledBlob, tabledBlobs } from './tabled-blobs.ts';
import { whyUnread } from './why-unread.ts';

export interface TableCheck {
  readonly store: string;
  readonly followLinksInto: readonly string[];
  readonly jobs: number;
  readonly now: Date;
  readonly signal: AbortSignal;
}

/** Problems that one message tells. */
const problemsShown = 3;

/**
 * Holds every chunk table of a list against the bytes of its blob, whole digest and pieces in one pass: only that ties
 * a table to its blob, and a signer who did not look would approve whatever the table says. Gives how many there are.
 *
 * @throws KnownError TABLES_UNSEEN when a blob is not in this store or does not agree, CANCELLED
 */
export async function checkTables(
  list: AllowList,
  companions: Companions,
  request: TableCheck,
): Promise<number> {
  const blobs = tabledBlobs(list);
  if (blobs.length === 0) return 0;
  using store = OllamaStore.open(request.store, request.followLinksInto, () => {});
  const inventory = await findBlobs(store, new Set(blobs.map(({ entry }) => entry.digest)), request);
  const problems: string[] = [];
  const pool = new HashPool({ threads: request.jobs });
  const stop = () => pool.cancel();
  request.signal.addEventListener('abort', stop, { once: true });
  if (request.signal.aborted) stop();
  try {
    await eachBounded(blobs, request.jobs, async (blob) => {
      const problem = await problemOf(store, inventory, blob, companions, pool);
      if (problem !== undefined) problems.push(`${blob.layer}: ${problem}`);
    });
  } finally {
    request.signal.removeEventListener('abort', stop);
    await pool.close();
  }
  if (request.signal.aborted) throw new KnownError('CANCELLED');
  if (problems.length === 0) return blobs.length;
  const more = problems.length > problemsShown ? `; and ${problems.length - problemsShown} more` : '';
  const problem = `${problems.sort().slice(0, problemsShown).join('; ')}${more}`;
  throw new KnownError('TABLES_UNSEEN', { count: problems.length, problem });
}

/** Where the wanted blobs lie, and why one cannot be opened. */
interface FoundBlobs {
  readonly table: BlobTable;
  readonly indices: ReadonlyMap<Digest, BlobIndex>;
  readonly obstacles: ReadonlyMap<Digest, string>;
}

async function findBlobs(
  store: OllamaStore,
  wanted: ReadonlySet<Digest>,
  { now, signal }: TableCheck,
): Promise<FoundBlobs> {
  const table = new BlobTable();
  const indices = new Map<Digest, BlobIndex>();
  const obstacles = new Map<Digest, string>();
  await readBlobs(store, table, {
    report: () => {},
    now,
    signal,
    wanted: (digest) => wanted.has(digest),
    onBlob: (index, digest) => void indices.set(digest, index),
    onObstacle: ({ digest, message }) => void obstacles.set(digest, message),
    onPartial: () => {},
  });
  return { table, indices, obstacles };
}

async function problemOf(
  store: OllamaStore,
  { table, indices, obstacles }: FoundBlobs,
  { entry }: TabledBlob,
  companions: Companions,
  pool: HashPool,
): Promise<string | undefined> {
  const listed = companions.table(entry);
  if (typeof listed === 'string') return `its chunk table is ${listed} in ${companions.chunks}`;
  const index = indices.get(entry.digest);
  if (index === undefined) return obstacles.get(entry.digest) ?? 'it is not in this store';
  let fd: number | undefined;
  try {
    fd = openBlob(store, table, index);
    const made = await pool.digest(fd, `${index}`, listed.pieceSize);
    if (made.digest !== entry.digest) return 'it is altered here';
    if (made.size !== entry.size) return `it has ${made.size} bytes, and ${entry.size} in the list`;
    const same = made.table !== undefined && Buffer.compare(made.table.bytes, listed.bytes) === 0;
    return same ? undefined : 'its chunk table is not that of its bytes';
  } catch (error) {
    return `it cannot be read: ${whyUnread(error)}`;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
