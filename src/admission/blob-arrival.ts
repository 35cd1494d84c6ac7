import type { Digest } from '../oci/index.ts';
import type { ReadableBlob } from './answers.ts';

interface Waiter {
  readonly end: number;
  readonly ready: () => void;
  readonly failed: (reason: unknown) => void;
}

/** Opens the file of a blob: the published one, or the one that is still being written. */
export type OpenFile = () => Promise<ReadableBlob>;

/**
 * A blob on its way, as those see it who wait for ranges of it. Bytes become readable in order: up to where each piece
 * was held against the list's chunk table, or all at once when the whole digest was right.
 *
 * Invariant: a file is handed out only for ranges below `verifiedEnd`.
 */
export class BlobArrival {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly #waiters = new Set<Waiter>();
  #verifiedEnd = 0;
  #open: OpenFile | undefined;
  #failure: { readonly reason: unknown } | undefined;

  constructor(digest: Digest, size: number) {
    this.digest = digest;
    this.size = size;
  }

  /** Every byte before this one was verified. */
  get verifiedEnd(): number {
    return this.#verifiedEnd;
  }

  /** Requests that are held for it. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Bytes before `end` are verified and lie in the file that `open` opens. */
  verified(end: number, open: OpenFile): void {
    this.#verifiedEnd = Math.max(this.#verifiedEnd, end);
    this.#open = open;
    for (const waiter of this.#waiters) if (waiter.end <= this.#verifiedEnd) waiter.ready();
  }

  /** It is fetched from the beginning: what was verified lies there no more. */
  restart(): void {
    this.#verifiedEnd = 0;
    this.#open = undefined;
  }

  /** It cannot be had. Who waits is told, and who asks from now on. */
  failed(reason: unknown): void {
    this.#failure = { reason };
    for (const waiter of this.#waiters) waiter.failed(reason);
  }

  /**
   * Waits until every byte before `end` (exclusive) was verified, and opens the file.
   *
   * @throws what `failed` was told; the signal's reason when nobody waits any more
   */
  async open(_start: number, end: number, signal: AbortSignal): Promise<ReadableBlob> {
    if (end > this.#verifiedEnd) await this.#until(end, signal);
    if (this.#open === undefined) throw new Error('no byte of it is verified');
    return this.#open();
  }

  #until(end: number, signal: AbortSignal): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason);
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise<void>((resolve, reject) => {
      const settle = (how: () => void) => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', onAbort);
        how();
      };
      const onAbort = () => settle(() => reject(signal.reason));
      const waiter = {
        end,
        ready: () => settle(resolve),
        failed: (reason: unknown) => settle(() => reject(reason)),
      };
      this.#waiters.add(waiter);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
