import { createHash } from 'node:crypto';
import { KnownError } from '../errors/index.ts';

/** Piece size by default: 16 MiB. Allowed are powers of two from 1 MiB to 1 GiB. */
export const defaultPieceSize = 16 * 1024 * 1024;
const smallestPiece = 1024 * 1024;
const largestPiece = 1024 * 1024 * 1024;
const digestLength = 32;

/** The SHA-256 digests of a blob's pieces, 32 raw bytes each, in order; the last piece may be shorter. */
export interface ChunkTable {
  /** Bytes in every piece but the last. */
  readonly pieceSize: number;
  /** Bytes in the blob. */
  readonly size: number;
  readonly count: number;
  /** 32 x count bytes; the table is named by its own SHA-256. */
  readonly bytes: Uint8Array;
}

const refuse = (problem: string) => new KnownError('CHUNK_TABLE_MALFORMED', { problem });

/** @throws KnownError CHUNK_TABLE_MALFORMED */
export function checkPieceSize(pieceSize: number): number {
  const powerOfTwo = Number.isInteger(pieceSize) && Math.log2(pieceSize) % 1 === 0;
  if (!powerOfTwo || pieceSize < smallestPiece || pieceSize > largestPiece) {
    throw refuse(`${pieceSize} is no piece size: a power of two from 1 MiB to 1 GiB`);
  }
  return pieceSize;
}

export const pieceCount = (size: number, pieceSize: number): number => Math.ceil(size / pieceSize);

/**
 * A table from its raw bytes, for a blob of `size` bytes.
 *
 * @throws KnownError CHUNK_TABLE_MALFORMED when length, sizes and count do not agree
 */
export function parseChunkTable(bytes: Uint8Array, size: number, pieceSize = defaultPieceSize): ChunkTable {
  checkPieceSize(pieceSize);
  if (!Number.isSafeInteger(size) || size < 0) throw refuse(`${size} is no size of a blob`);
  const count = pieceCount(size, pieceSize);
  if (bytes.length !== count * digestLength) {
    throw refuse(`${bytes.length} bytes for ${count} pieces, expected ${count * digestLength}`);
  }
  return { pieceSize, size, count, bytes };
}

/** The 32 raw bytes for one piece. */
export const pieceDigest = (table: ChunkTable, piece: number): Uint8Array =>
  table.bytes.subarray(piece * digestLength, (piece + 1) * digestLength);

/** Collects a table from bytes that flow by, cut anywhere. */
export class ChunkTableBuilder {
  readonly #pieceSize: number;
  /** Grows by doubling: a digest as an object of its own would cost ten times its 32 bytes. */
  #digests = Buffer.alloc(64 * digestLength);
  #count = 0;
  #hash = createHash('sha256');
  #inPiece = 0;
  #size = 0;

  constructor(pieceSize = defaultPieceSize) {
    this.#pieceSize = checkPieceSize(pieceSize);
  }

  update(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      const part = rest.subarray(0, this.#pieceSize - this.#inPiece);
      this.#hash.update(part);
      this.#inPiece += part.length;
      this.#size += part.length;
      rest = rest.subarray(part.length);
      if (this.#inPiece === this.#pieceSize) this.#close();
    }
  }

  finish(): ChunkTable {
    if (this.#inPiece > 0) this.#close();
    const bytes = new Uint8Array(this.#digests.subarray(0, this.#count * digestLength));
    return parseChunkTable(bytes, this.#size, this.#pieceSize);
  }

  #close(): void {
    const at = this.#count * digestLength;
    if (at === this.#digests.length) this.#digests = Buffer.concat([this.#digests], at * 2);
    this.#hash.digest().copy(this.#digests, at);
    this.#count += 1;
    this.#hash = createHash('sha256');
    this.#inPiece = 0;
  }
}
