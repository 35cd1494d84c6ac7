import type { Range, ReceivingBlob } from '../blobs/index.ts';
import { KnownError } from '../errors/index.ts';
import { type ChunkTable, pieceDigest, pieceDigests } from '../hash/index.ts';
import type { Digest } from '../oci/index.ts';
import type { PieceSource } from '../upstream/index.ts';
import type { BlobArrival } from './blob-arrival.ts';

export interface BlobFetch {
  readonly source: PieceSource;
  readonly receiving: ReceivingBlob;
  readonly arrival: BlobArrival;
  readonly pieceSize: number;
  /** What the allow-list says of the pieces, with which a piece is shown to be right before the rest is here. */
  readonly table: ChunkTable | undefined;
  readonly signal: AbortSignal;
  /** So many bytes are here, and hashed. */
  readonly progressed?: (bytes: number) => void;
}

/** A blob whose every byte was held against its digest. */
export interface VerifiedBlob {
  readonly digest: Digest;
  readonly table: ChunkTable;
  /** The list's chunk table does not belong to these bytes, whose whole digest is right. */
  readonly listedTableWrong: boolean;
}

/**
 * Fetches what is missing of a blob, and holds all of it against its digest, also what an earlier process received.
 * Pieces come several at once and are verified in order; a place upstream is free again only when its piece was
 * verified, so that memory and disk do not run ahead.
 *
 * @throws KnownError BLOB_NOT_AS_NAMED when the bytes are other ones (nothing of them is kept); what the source and the
 *   storage throw (all that was received is kept)
 */
export async function fetchBlob(fetch: BlobFetch): Promise<VerifiedBlob> {
  const { receiving, arrival, pieceSize, table } = fetch;
  const ended = new AbortController();
  const signal = AbortSignal.any([fetch.signal, ended.signal]);
  const { running, here } = await readBack(receiving, arrival.size, pieceSize);
  const pieces = new Pieces(arrival.size, pieceSize);
  let tableHolds = table !== undefined;
  const verified = (piece: number, found: Uint8Array, end: number) => {
    const wanted = table && pieceDigest(table, piece);
    tableHolds &&= wanted !== undefined && Buffer.compare(wanted, found) === 0;
    if (tableHolds) arrival.verified(end, () => receiving.open());
  };
  for (const [piece, { end }] of pieces.ranges(0, here).entries())
    verified(piece, receiving.recorded[piece] ?? new Uint8Array(), end);
  const missing = pieces.ranges(here);
  const writes = new Set<Promise<void>>();
  const incoming = fetch.source.pieces(
    missing,
    async (range, bytes) => {
      signal.throwIfAborted();
      const writing = receiving.write(range, bytes);
      writes.add(writing);
      await writing.finally(() => writes.delete(writing));
      await pieces.arrived(range, signal);
    },
    signal,
  );
  // Told to whoever waits for the next piece; the error itself comes out of `all` below.
  incoming.catch((error: unknown) => pieces.fail(error));
  const verify = async () => {
    for (const [at, range] of missing.entries()) {
      await pieces.here(range, signal);
      const found = await running.extend(range.end);
      receiving.record(found);
      verified(here + at, found, range.end);
      fetch.progressed?.(range.end);
      pieces.verified(range);
    }
  };
  try {
    await Promise.all([incoming, verify()]);
    const verdict = await running.finish();
    if (verdict.digest !== arrival.digest) {
      await receiving.discard();
      throw new KnownError('BLOB_NOT_AS_NAMED', { expected: arrival.digest, actual: verdict.digest });
    }
    return { ...verdict, listedTableWrong: table !== undefined && !tableHolds };
  } finally {
    // The file is closed after this: nothing may write into it or read from it any more.
    ended.abort();
    await Promise.allSettled([incoming, ...writes]);
    await running.close();
  }
}

/**
 * Reads again what an earlier process recorded. A record may say more than the disk kept: from the first piece on that
 * is another one, everything is fetched anew.
 */
async function readBack(receiving: ReceivingBlob, size: number, pieceSize: number) {
  for (let trusted = receiving.recorded.length; ; ) {
    const running = pieceDigests(receiving.fd, size, { pieceSize });
    let piece = 0;
    for (; piece < trusted; piece += 1) {
      const found = await running.extend(Math.min((piece + 1) * pieceSize, size));
      if (Buffer.compare(found, receiving.recorded[piece] ?? new Uint8Array()) !== 0) break;
    }
    if (piece === trusted) return { running, here: trusted };
    await running.close();
    receiving.forget(piece);
    trusted = piece;
  }
}

interface Gate {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

function gate(): Gate {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Not everybody who may wait at a gate does.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

/** The pieces of one blob, between those who bring them and the one who verifies them in order. */
class Pieces {
  readonly #size: number;
  readonly #pieceSize: number;
  readonly #here = new Map<number, Gate>();
  readonly #verified = new Map<number, Gate>();
  #failure: { readonly reason: unknown } | undefined;

  constructor(size: number, pieceSize: number) {
    this.#size = size;
    this.#pieceSize = pieceSize;
  }

  /** Pieces from one on, up to another. */
  ranges(from: number, to = Math.ceil(this.#size / this.#pieceSize)): Range[] {
    return Array.from({ length: Math.max(0, to - from) }, (_, at) => {
      const start = (from + at) * this.#pieceSize;
      return { start, end: Math.min(start + this.#pieceSize, this.#size) };
    });
  }

  /** A piece lies in the file; settles when it was verified. */
  arrived({ start }: Range, signal: AbortSignal): Promise<void> {
    const verified = this.#gate(this.#verified, start);
    this.#gate(this.#here, start).resolve();
    return unlessAborted(verified.promise, signal);
  }

  /** Settles when a piece lies in the file. */
  async here({ start }: Range, signal: AbortSignal): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.reason;
    await unlessAborted(this.#gate(this.#here, start).promise, signal);
  }

  verified({ start }: Range): void {
    this.#verified.get(start)?.resolve();
    this.#verified.delete(start);
    this.#here.delete(start);
  }

  fail(reason: unknown): void {
    this.#failure = { reason };
    for (const waiting of this.#here.values()) waiting.reject(reason);
  }

  #gate(gates: Map<number, Gate>, start: number): Gate {
    const found = gates.get(start) ?? gate();
    gates.set(start, found);
    return found;
  }
}

async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = gate();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
