import type { BlobStorage } from '../blobs/index.ts';
import { KnownError } from '../errors/index.ts';
import { type ChunkTable, defaultPieceSize } from '../hash/index.ts';
import type { Digest } from '../oci/index.ts';
import type { PieceSource } from '../upstream/index.ts';
import { BlobArrival } from './blob-arrival.ts';
import { fetchBlob, type VerifiedBlob } from './fetch-blob.ts';

/** A blob that is wanted, and what is needed to get it. */
export interface WantedBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly source: PieceSource;
  /** From the allow-list, where it has one. */
  readonly table: ChunkTable | undefined;
}

export interface ReceiveEffects {
  readonly signal: AbortSignal;
  /** Those who wait for ranges of it. */
  readonly arrival?: BlobArrival;
  /** So many bytes are here, and hashed. */
  readonly progressed?: (bytes: number) => void;
  /** The source gives the same bytes as often as it is asked. */
  readonly rereadable?: boolean;
}

/**
 * Receives one blob into a storage, or what an earlier process did not receive of it, and publishes it once every byte
 * was held against its digest. What was received earlier may come from another source, which sent other bytes: then
 * nothing of it is kept, and a source that can be read again is read from the beginning.
 *
 * @throws KnownError BLOB_BUSY, BLOB_NOT_AS_NAMED, STORAGE_*; what the source throws
 */
export async function receiveBlob(
  storage: Pick<BlobStorage, 'receive'>,
  wanted: WantedBlob,
  effects: ReceiveEffects,
): Promise<VerifiedBlob> {
  const { arrival = new BlobArrival(wanted.digest, wanted.size), rereadable = false } = effects;
  const first = await receiveOnce(storage, wanted, { ...effects, arrival });
  if ('verified' in first) return first.verified;
  if (!rereadable || !first.hadEarlierBytes) throw first.otherBytes;
  arrival.restart();
  const second = await receiveOnce(storage, wanted, { ...effects, arrival });
  if ('verified' in second) return second.verified;
  throw second.otherBytes;
}

type Received =
  | { readonly verified: VerifiedBlob }
  /** Nothing of it is kept. */
  | { readonly otherBytes: KnownError; readonly hadEarlierBytes: boolean };

async function receiveOnce(
  storage: Pick<BlobStorage, 'receive'>,
  { digest, size, source, table }: WantedBlob,
  { signal, arrival, progressed }: ReceiveEffects & { readonly arrival: BlobArrival },
): Promise<Received> {
  const pieceSize = defaultPieceSize;
  const receiving = await storage.receive(digest, size, pieceSize);
  try {
    const verified = await fetchBlob({
      ...{ source, receiving, arrival, pieceSize, signal },
      // A table of other pieces says nothing of these.
      table: table?.pieceSize === pieceSize ? table : undefined,
      ...(progressed === undefined ? {} : { progressed }),
    });
    await receiving.publish(verified.table);
    return { verified };
  } catch (error) {
    if (!(error instanceof KnownError) || error.code !== 'BLOB_NOT_AS_NAMED') throw error;
    return { otherBytes: error, hadEarlierBytes: receiving.recorded.length > 0 };
  } finally {
    await receiving.close();
  }
}
