import type { BlobStorage } from '../blobs/index.ts';
import { KnownError } from '../errors/index.ts';
import type { Descriptor, Digest } from '../oci/index.ts';
import type { BlobAnswer } from './answers.ts';
import { BlobFlight, type FlightEvents, type FlightModel, type FlightWish } from './blob-flight.ts';
import type { AdmittedBlob } from './records.ts';

/** What a manifest says of a blob. */
export type FlightBlob = Pick<Descriptor, 'digest' | 'size'>;

/** A model that is aboard: its blobs are on their way, and requests for them are held from now on. */
export interface Boarding {
  readonly kind: 'aboard';
  /** @throws what the sources of the blob say */
  land(wish: Omit<FlightWish, 'listed'>, signal: AbortSignal): Promise<AdmittedBlob>;
  /** It has its blobs, or cannot be had for this reason. */
  leave(reason: unknown): void;
}

/** Another model that is on its way gives the same blob another size: one of the two is not what it says. */
export interface SizeDispute {
  readonly kind: 'disputed';
  readonly blob: FlightBlob;
  readonly otherSize: number;
  /** The model that came first. */
  readonly by: string;
}

/**
 * Blobs on their way: one fetch for a digest and its size, however many models and clients ask. A digest has one size: a
 * model that gives it another one does not come aboard, unless it is listed and the others are not.
 */
export class BlobFlights {
  readonly #storage: BlobStorage;
  readonly #events: FlightEvents;
  readonly #flights = new Map<Digest, BlobFlight>();

  constructor(storage: BlobStorage, events: FlightEvents) {
    this.#storage = storage;
    this.#events = events;
  }

  /** Announces the blobs of a model. What lies in the storage can be read from the beginning. */
  async board(model: FlightModel, blobs: readonly FlightBlob[]): Promise<Boarding | SizeDispute> {
    const stored = await Promise.all(blobs.map(({ digest }) => this.#storage.find(digest)));
    // From here on nobody else comes between.
    for (const blob of blobs) {
      const other = this.#flights.get(blob.digest);
      if (other === undefined || other.arrival.size === blob.size) continue;
      const first = other.models.find(({ listed }) => listed) ?? other.models[0];
      if (first?.listed === true || !model.listed)
        return { kind: 'disputed', blob, otherSize: other.arrival.size, by: first?.name ?? '' };
    }
    const aboard = blobs.map((blob, at) => {
      const flight = this.#flightOf(blob);
      flight.board(model);
      if (stored[at]?.size === blob.size) flight.isHere();
      return flight;
    });
    return {
      kind: 'aboard',
      land: (wish, signal) => {
        const flight = aboard.find(({ arrival }) => arrival.digest === wish.digest);
        if (flight === undefined) throw new Error(`${wish.digest} was not announced`);
        return flight.land({ ...wish, listed: model.listed }, signal);
      },
      leave: (reason) => {
        for (const flight of aboard) this.#leave(flight, model, reason);
      },
    };
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

  #flightOf(blob: FlightBlob): BlobFlight {
    const other = this.#flights.get(blob.digest);
    if (other !== undefined && other.arrival.size === blob.size) return other;
    const reason = new KnownError('BLOB_SIZE', { digest: blob.digest, size: blob.size });
    const flight = new BlobFlight(blob, this.#storage, this.#events, other?.end(reason));
    this.#flights.set(blob.digest, flight);
    return flight;
  }

  #leave(flight: BlobFlight, model: FlightModel, reason: unknown): void {
    flight.leave(model, reason);
    const { digest } = flight.arrival;
    if (flight.models.length === 0 && this.#flights.get(digest) === flight) this.#flights.delete(digest);
  }
}
