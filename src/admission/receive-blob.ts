import type { BlobStorage } from '../blobs/index.ts';
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
}

/**
 * Receives one blob into a storage, or what an earlier process did not receive of it, and publishes it once every byte
 * was held against its digest.
 *
 * @throws KnownError BLOB_BUSY, BLOB_NOT_AS_NAMED, STORAGE_*; what the source throws
 */
export async function receiveBlob(
  storage: Pick<BlobStorage, 'receive'>,
  { digest, size, source, table }: WantedBlob,
  { signal, arrival = new BlobArrival(digest, size), progressed }: ReceiveEffects,
): Promise<VerifiedBlob> {
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
    return verified;
  } finally {
    await receiving.close();
  }
}
