import { blobsOf, receiveBlob } from '../admission/index.ts';
import { type ArchiveReader, blobName } from '../archive/index.ts';
import type { BlobStorage } from '../blobs/index.ts';
import { KnownError } from '../errors/index.ts';
import { type Descriptor, type Digest, shortDigest } from '../oci/index.ts';
import type { WelcomeModel } from './judge-models.ts';

export interface TakeEffects {
  readonly signal: AbortSignal;
  /** So many bytes of what is taken are here, of so many. */
  readonly progressed: (bytes: number, total: number) => void;
}

/** Where the blobs of an archive go. */
export interface BlobTarget {
  /** Received blobs, each whole and right. */
  readonly blobs: Pick<BlobStorage, 'receive'>;
  /** Whether a blob is here already, every byte of it. */
  has(blob: Descriptor): Promise<boolean>;
  /** Whether all of these can be received; what an earlier run received of them counts. @throws KnownError STORAGE_FULL, NO_ROOM */
  ensureRoom(blobs: readonly Descriptor[]): Promise<void>;
}

/** What is to be taken of an archive. */
export interface TakePlan {
  readonly wanted: ReadonlyMap<Digest, Descriptor>;
  /** Blobs of welcome models that are here already. */
  readonly here: number;
  /** Bytes of what is wanted. */
  readonly bytes: number;
}

/**
 * What of the welcome models is not here yet. Said before the first byte is written: what an archive leaves out and is
 * not here, and what there is no room for.
 *
 * @throws KnownError ARCHIVE_BASE, ARCHIVE_MALFORMED, STORAGE_FULL, NO_ROOM
 */
export async function planTaking(
  { index }: Pick<ArchiveReader, 'index'>,
  welcome: readonly WelcomeModel[],
  target: BlobTarget,
): Promise<TakePlan> {
  const sizes = new Map(index.entries.map(({ name, size }) => [name, size]));
  const leftOut = new Map(index.leftOut.map(({ digest, size }) => [digest, size]));
  const wanted = new Map<Digest, Descriptor>();
  const lacking: Digest[] = [];
  const seen = new Set<Digest>();
  for (const blob of welcome.flatMap(({ checked }) => blobsOf(checked.manifest))) {
    const size = sizes.get(blobName(blob.digest)) ?? leftOut.get(blob.digest);
    if (size === undefined) throw refused(`it has not all that its models name`);
    if (size !== blob.size) throw refused(`${blob.digest} has another size there`);
    if (seen.has(blob.digest)) continue;
    seen.add(blob.digest);
    if (await target.has(blob)) continue;
    if (leftOut.has(blob.digest)) lacking.push(blob.digest);
    else wanted.set(blob.digest, blob);
  }
  const [first] = lacking;
  if (first !== undefined)
    throw new KnownError('ARCHIVE_BASE', { count: lacking.length, digest: shortDigest(first) });
  const bytes = [...wanted.values()].reduce((sum, { size }) => sum + size, 0);
  if (bytes > 0) await target.ensureRoom([...wanted.values()]);
  return { wanted, here: seen.size - wanted.size, bytes };
}

const refused = (problem: string) => new KnownError('ARCHIVE_MALFORMED', { where: 'its index', problem });

/**
 * Reads an archive to its end, and receives what is wanted of it: each blob is held against its digest before it has its
 * name. Nothing refers to any of them yet.
 *
 * @throws KnownError ARCHIVE_*, BLOB_*, STORAGE_*; the signal's reason
 */
export async function takeBlobs(
  reader: ArchiveReader,
  { wanted, bytes: total }: TakePlan,
  target: BlobTarget,
  { signal, progressed }: TakeEffects,
): Promise<void> {
  let done = 0;
  for (let entry = reader.next; entry !== undefined; entry = reader.next) {
    signal.throwIfAborted();
    const blob = entry.kind === 'blob' ? wanted.get(entry.digest) : undefined;
    if (blob === undefined) {
      await reader.pass();
      continue;
    }
    const before = done;
    await reader.pieces(async ({ digest, size, name }, source) => {
      try {
        await receiveBlob(
          target.blobs,
          { digest, size, source, table: undefined },
          {
            signal,
            progressed: (bytes) => progressed(before + bytes, total),
          },
        );
      } catch (error) {
        throw asAltered(error, name);
      }
    });
    done += blob.size;
    progressed(done, total);
  }
  await reader.end();
}

/** Said of the archive, where it is to blame. */
function asAltered(error: unknown, where: string): unknown {
  if (!(error instanceof KnownError) || error.code !== 'BLOB_NOT_AS_NAMED') return error;
  return new KnownError('ARCHIVE_ALTERED', { where, ...error.facts }, error);
}
