import type { BlobStorage } from '../blobs/index.ts';
import type { Digest } from '../oci/index.ts';
import { BlobArrival } from './blob-arrival.ts';
import { receiveBlob, type WantedBlob } from './receive-blob.ts';
import type { AdmittedBlob } from './records.ts';

export interface FlightEvents {
  /** The chunk table of the list is not that of the bytes, whose whole digest is right. */
  tableWrong(digest: Digest): void;
  /** So many bytes of a blob are here, of so many. */
  arrived?(digest: Digest, bytes: number, size: number): void;
}

/** A model that names a blob, as far as others may depend on it. */
export interface FlightModel {
  /** As people call it. */
  readonly name: string;
  /** A list that was accepted says what it is; else only its own manifest does. */
  readonly listed: boolean;
}

/** A blob that one model wants, from where that model comes from. */
export interface FlightWish extends WantedBlob {
  readonly listed: boolean;
}

/** An attempt that is given up for a source that is trusted more. */
const givenUp = new Error('a listed model brings its own source');

/**
 * One blob on its way, for all models that name it with this size. Each brings its own source: the one of a listed model
 * is preferred, and when one fails the next is tried, so that no model depends on where a stranger's comes from.
 */
export class BlobFlight {
  readonly arrival: BlobArrival;
  readonly #storage: BlobStorage;
  readonly #events: FlightEvents;
  /** Models that wait for it. */
  readonly #models = new Set<FlightModel>();
  /** Sources that were not tried yet, the best one first. */
  readonly #wishes: FlightWish[] = [];
  /** Settles when another flight has let go of the blob's place on the disk. */
  readonly #after: Promise<unknown>;
  readonly #ended = new AbortController();
  #attempt: { readonly listed: boolean; readonly stop: AbortController } | undefined;
  #landing: Promise<AdmittedBlob> | undefined;

  constructor(
    { digest, size }: { readonly digest: Digest; readonly size: number },
    storage: BlobStorage,
    events: FlightEvents,
    after: Promise<unknown> = Promise.resolve(),
  ) {
    this.arrival = new BlobArrival(digest, size);
    this.#storage = storage;
    this.#events = events;
    this.#after = after;
  }

  get models(): readonly FlightModel[] {
    return [...this.#models];
  }

  /** A model names this blob; undone by `leave`. */
  board(model: FlightModel): void {
    this.#models.add(model);
  }

  /** A model has it, or does without it. When nobody wants it any more, whoever waits for ranges is told why. */
  leave(model: FlightModel, reason: unknown): void {
    this.#models.delete(model);
    if (this.#models.size === 0) this.arrival.failed(reason);
  }

  /** All of it lies in the storage already. */
  isHere(): void {
    this.arrival.verified(this.arrival.size, () => this.#storage.read(this.arrival.digest));
  }

  /** Ends it for everybody. @returns when its place on the disk is free */
  async end(reason: unknown): Promise<void> {
    this.#ended.abort(reason);
    this.arrival.failed(reason);
    await this.#landing?.catch(() => {});
  }

  /**
   * Brings the blob here, once for all who want it now.
   *
   * @throws what the last of their sources says
   */
  land(wish: FlightWish, signal: AbortSignal): Promise<AdmittedBlob> {
    if (wish.listed) this.#wishes.unshift(wish);
    else this.#wishes.push(wish);
    if (wish.listed && this.#attempt?.listed === false) this.#attempt.stop.abort(givenUp);
    this.#landing ??= this.#bring(AbortSignal.any([signal, this.#ended.signal]));
    return this.#landing;
  }

  async #bring(signal: AbortSignal): Promise<AdmittedBlob> {
    await this.#after;
    try {
      return await this.#tryAll(signal);
    } finally {
      // Whoever comes from now on begins anew.
      this.#landing = undefined;
      this.#wishes.length = 0;
    }
  }

  async #tryAll(signal: AbortSignal): Promise<AdmittedBlob> {
    signal.throwIfAborted();
    let failure: unknown;
    for (let wish = this.#wishes.shift(); wish !== undefined; wish = this.#wishes.shift()) {
      const stop = new AbortController();
      this.#attempt = { listed: wish.listed, stop };
      try {
        return await this.#fetch(wish, AbortSignal.any([signal, stop.signal]));
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        // It may be needed all the same, when the others fail.
        if (stop.signal.aborted) this.#wishes.push(wish);
        else failure = error;
      } finally {
        this.#attempt = undefined;
      }
    }
    throw failure;
  }

  async #fetch(wish: FlightWish, signal: AbortSignal): Promise<AdmittedBlob> {
    const { digest, size } = wish;
    const stored = await this.#storage.find(digest);
    if (stored?.size !== size) {
      // What an earlier attempt verified may lie there no more.
      this.arrival.restart();
      const progressed = (bytes: number) => this.#events.arrived?.(digest, bytes, size);
      const effects = { signal, arrival: this.arrival, progressed, rereadable: true };
      const { listedTableWrong } = await receiveBlob(this.#storage, wish, effects);
      if (listedTableWrong) this.#events.tableWrong(digest);
    }
    this.isHere();
    return { digest, size };
  }
}
