import type { ChunkTable } from '../hash/index.ts';
import type { Digest } from '../oci/index.ts';

/** A blob that was verified and published. */
export interface StoredBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** When its last byte was received. */
  readonly since: Date;
}

/** A file that is open for reading; whoever got it closes it. */
export interface OpenBlob {
  readonly fd: number;
  readonly size: number;
  close(): Promise<void>;
}

/** Bytes from `start` to `end`, exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * A blob that is being received, piece by piece, each of them in order but several at once. Nothing of it can be found
 * under its digest before `publish`. What was received stays for the next process, unless it is discarded.
 */
export interface ReceivingBlob {
  /** The file itself, for whoever verifies what lies in it; open as long as this is. */
  readonly fd: number;
  /** SHA-256 (32 raw bytes) of the pieces from the beginning that an earlier process had; their bytes are to be read again. */
  readonly recorded: readonly Uint8Array[];
  /** @throws KnownError STORAGE_FULL (what is here stays), STORAGE_FAILED */
  write(range: Range, bytes: Uint8Array): Promise<void>;
  /** The next piece in order was verified and has this digest: the next process need not fetch it again. */
  record(sha256: Uint8Array): void;
  /** Forgets what was recorded from this piece on: it is not what was written. */
  forget(fromPiece: number): void;
  /** Opens what is received so far; only verified ranges of it may be shown. */
  open(): Promise<OpenBlob>;
  /**
   * Every byte was held against the digest: makes it last, and makes it visible.
   *
   * @throws KnownError STORAGE_FULL, STORAGE_FAILED
   */
  publish(table: ChunkTable): Promise<void>;
  /** Removes all of it. */
  discard(): Promise<void>;
  /** Lets go of it; what was received stays. */
  close(): Promise<void>;
}

/** Content-addressed storage: a blob is there whole and right, or it is not there. */
export interface BlobStorage {
  find(digest: Digest): Promise<StoredBlob | undefined>;
  /** @throws KnownError BLOB_ABSENT, STORAGE_FAILED */
  read(digest: Digest): Promise<OpenBlob>;
  /**
   * Begins to receive a blob, or goes on where an earlier process stopped. One receiver a digest, over all processes.
   *
   * @throws KnownError BLOB_BUSY, STORAGE_FULL, STORAGE_FAILED
   */
  receive(digest: Digest, size: number, pieceSize: number): Promise<ReceivingBlob>;
  /** The chunk table that was computed when the blob was received. */
  tableOf(digest: Digest): Promise<Uint8Array | undefined>;
  /** Moves a blob that is not what its name says to where it can be looked at. Gives that place. */
  quarantine(digest: Digest, reason: string): Promise<string>;
  /** Removes a blob that nobody names. */
  remove(digest: Digest): Promise<void>;
  /** All blobs, in no order. */
  list(): AsyncIterable<StoredBlob>;
}
