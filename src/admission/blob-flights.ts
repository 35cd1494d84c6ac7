import type { BlobStorage } from '../blobs/index.ts';
import type { Digest } from '../oci/index.ts';
import type { BlobAnswer } from './answers.ts';
import { BlobArrival } from './blob-arrival.ts';
import { receiveBlob, type WantedBlob } from './receive-blob.ts';
import type { AdmittedBlob } from './records.ts';

interface Flight {
  readonly arrival: BlobArrival;
  /** Models that wait for it. */
  models: number;
  landing: Promise<AdmittedBlob> | undefined;
}

export interface FlightEvents {
  /** The chunk table of the list is not that of the bytes, whose whole digest is right. */
  tableWrong(digest: Digest): void;
  /** So many bytes of a blob are here, of so many. */
  arrived?(digest: Digest, bytes: number, size: number): void;
}

/** Blobs on their way: one fetch a digest, however many models and clients ask. */
export class BlobFlights {
  readonly #storage: BlobStorage;
  readonly #events: FlightEvents;
  readonly #flights = new Map<Digest, Flight>();

  constructor(storage: BlobStorage, events: FlightEvents) {
    this.#storage = storage;
    this.#events = events;
  }

  /** Announces a blob, so that requests for it are held from now on. Each call is undone by one `leave`. */
  announce({ digest, size }: { readonly digest: Digest; readonly size: number }): BlobArrival {
    const flight = this.#flights.get(digest) ?? {
      arrival: new BlobArrival(digest, size),
      models: 0,
      landing: undefined,
    };
    flight.models += 1;
    this.#flights.set(digest, flight);
    return flight.arrival;
  }

  leave(digest: Digest): void {
    const flight = this.#flights.get(digest);
    if (flight === undefined) return;
    flight.models -= 1;
    if (flight.models === 0) this.#flights.delete(digest);
  }

  get(digest: Digest): BlobAnswer | undefined {
    const arrival = this.#flights.get(digest)?.arrival;
    if (arrival === undefined) return undefined;
    return {
      kind: 'arriving',
      size: arrival.size,
      open: (start, end, signal) => arrival.open(start, end, signal),
    };
  }

  /** Requests that are held, over all blobs. */
  get held(): number {
    let count = 0;
    for (const { arrival } of this.#flights.values()) count += arrival.waiting;
    return count;
  }

  /**
   * Brings an announced blob here, once.
   *
   * @throws what fetching throws; whoever waits for the blob is told the same
   */
  land(wanted: WantedBlob, signal: AbortSignal): Promise<AdmittedBlob> {
    const flight = this.#flights.get(wanted.digest);
    if (flight === undefined) throw new Error(`${wanted.digest} was not announced`);
    flight.landing ??= this.#fetch(wanted, flight.arrival, signal).catch((error: unknown) => {
      flight.arrival.failed(error);
      // The next who wants it begins anew.
      if (this.#flights.get(wanted.digest) === flight) this.#flights.delete(wanted.digest);
      throw error;
    });
    return flight.landing;
  }

  async #fetch(wanted: WantedBlob, arrival: BlobArrival, signal: AbortSignal): Promise<AdmittedBlob> {
    const { digest, size } = wanted;
    const storage = this.#storage;
    const open = () => storage.read(digest);
    const stored = await storage.find(digest);
    if (stored !== undefined && stored.size === size) {
      arrival.verified(size, open);
      return { digest, size };
    }
    const progressed = (bytes: number) => this.#events.arrived?.(digest, bytes, size);
    const verified = await receiveBlob(storage, wanted, { signal, arrival, progressed });
    arrival.verified(size, open);
    if (verified.listedTableWrong) this.#events.tableWrong(digest);
    return { digest, size };
  }
}
