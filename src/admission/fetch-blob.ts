import type { ReceivingBlob } from '../blobs/index.ts';
import { KnownError } from '../errors/index.ts';
import { type ChunkTable, pieceDigest, RunningDigest } from '../hash/index.ts';
import type { Digest } from '../oci/index.ts';
import type { BlobSource, Range } from '../upstream/index.ts';
import type { BlobArrival } from './blob-arrival.ts';

export interface BlobFetch {
  readonly source: BlobSource;
  readonly receiving: ReceivingBlob;
  readonly arrival: BlobArrival;
  readonly pieceSize: number;
  /** What the allow-list says of the pieces, with which a piece is shown to be right before the rest is here. */
  readonly table: ChunkTable | undefined;
  readonly signal: AbortSignal;
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
  const running = new RunningDigest(receiving.fd, { pieceSize });
  const ended = new AbortController();
  const signal = AbortSignal.any([fetch.signal, ended.signal]);
  const pieces = new Pieces(arrival.size, pieceSize);
  const incoming = fetch.source.pieces(
    pieces.missing(receiving),
    async (range, bytes) => {
      await receiving.write(range, bytes);
      await pieces.arrived(range, signal);
    },
    signal,
  );
  // Told to whoever waits for the next piece; the error itself comes out of `all` below.
  incoming.catch((error: unknown) => pieces.fail(error));
  let tableHolds = table !== undefined;
  const verify = async () => {
    for (const range of pieces.ranges()) {
      await pieces.here(range, receiving, signal);
      const found = await running.extend(range.end);
      const wanted = table && pieceDigest(table, Math.floor(range.start / pieceSize));
      tableHolds &&= wanted !== undefined && Buffer.compare(wanted, found) === 0;
      if (tableHolds) arrival.verified(range.end, () => receiving.open());
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
    ended.abort();
    await incoming.catch(() => {});
    await running.close();
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

  *ranges(): Generator<Range> {
    for (let start = 0; start < this.#size; start += this.#pieceSize)
      yield { start, end: Math.min(start + this.#pieceSize, this.#size) };
  }

  *missing(receiving: ReceivingBlob): Generator<Range> {
    for (const range of this.ranges()) if (!receiving.has(range)) yield range;
  }

  /** A piece lies in the file; settles when it was verified. */
  arrived({ start }: Range, signal: AbortSignal): Promise<void> {
    const verified = this.#gate(this.#verified, start);
    this.#gate(this.#here, start).resolve();
    return unlessAborted(verified.promise, signal);
  }

  /** Settles when a piece lies in the file. */
  async here(range: Range, receiving: ReceivingBlob, signal: AbortSignal): Promise<void> {
    if (receiving.has(range)) return;
    if (this.#failure !== undefined) throw this.#failure.reason;
    await unlessAborted(this.#gate(this.#here, range.start).promise, signal);
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
