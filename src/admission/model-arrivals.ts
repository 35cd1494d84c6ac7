import type { BlobStorage } from '../blobs/index.ts';
import { KnownError } from '../errors/index.ts';
import { type Digest, fullName, type ModelName, nameKey, shortName } from '../oci/index.ts';
import type { Upstream } from '../upstream/index.ts';
import type { BlobAnswer, ManifestAnswer } from './answers.ts';
import type { BlobArrival } from './blob-arrival.ts';
import { BlobFlights } from './blob-flights.ts';
import { contradictionSentence, type Decision, movedSentence } from './decide-model.ts';
import { FailureMemory } from './failure-memory.ts';
import { FairQueue, type QueueLimits } from './fair-queue.ts';
import { blobsOf, type CheckedManifest, checkManifest, listedManifest } from './manifest-source.ts';
import type { AdmittedBlob, Records } from './records.ts';
import type { Route } from './routes.ts';

/** A decision by which a model may be fetched. */
export type Allowed = Exclude<Decision, { kind: 'refused' }>;

/** What happened, for the log and the metrics. */
export interface AdmissionEvents {
  admitted(name: string, bytes: number): void;
  failed(name: string, error: unknown): void;
  tableWrong(digest: Digest): void;
  /** So many bytes of a blob are here, of so many. */
  arrived?(digest: Digest, bytes: number, size: number): void;
}

/** A model on its way: its manifest is known and checked, its blobs are being fetched. */
export interface ModelArrival {
  readonly checked: CheckedManifest;
  readonly blobs: readonly BlobArrival[];
  /** Settles when every blob is here and the model is recorded, or cannot be had. */
  readonly admitted: Promise<void>;
}

export interface ArrivalSettings {
  readonly records: Records;
  readonly blobs: BlobStorage;
  readonly queue: QueueLimits;
  readonly failureMs: number;
  readonly contact: string;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly events: AdmissionEvents;
}

/** Models on their way: each is fetched once however many ask, and goes on when they leave. */
export class ModelArrivals {
  readonly #settings: ArrivalSettings;
  readonly #queue: FairQueue;
  readonly #flights: BlobFlights;
  readonly #failures: FailureMemory;
  /** What moved upstream, under its name and what is approved of it: asked once for all who ask in the same half minute. */
  readonly #moved: FailureMemory;
  readonly #arrivals = new Map<string, Promise<ModelArrival | ManifestAnswer>>();

  constructor(settings: ArrivalSettings) {
    this.#settings = settings;
    this.#queue = new FairQueue(settings.queue);
    this.#flights = new BlobFlights(settings.blobs, settings.events);
    this.#failures = new FailureMemory(settings.failureMs, settings.now);
    this.#moved = new FailureMemory(settings.failureMs, settings.now);
  }

  /** Requests that are held, over all blobs. */
  get held(): number {
    return this.#flights.held;
  }

  /** A blob that is on its way. */
  blob(digest: Digest): BlobAnswer | undefined {
    return this.#flights.get(digest);
  }

  /** Why a model could not be had a moment ago, and the seconds until it is tried again. */
  recall(name: string): { readonly sentence: string; readonly seconds: number } | undefined {
    return this.#failures.recall(name);
  }

  /** Brings a model here, once however many ask; or says why not. */
  arrive(
    name: ModelName,
    route: Route<Upstream>,
    decision: Allowed,
    owner: string,
  ): Promise<ModelArrival | ManifestAnswer> {
    // What another list approves of the same name is another model.
    const key = `${nameKey(name)} ${decision.kind === 'listed' ? decision.model.manifest.digest : ''}`;
    const under = this.#arrivals.get(key);
    if (under !== undefined) return under;
    const begun = this.#begin(name, route, decision, owner).catch((error: unknown) =>
      this.#unavailable(name, error),
    );
    this.#arrivals.set(key, begun);
    const forget = () => this.#arrivals.delete(key);
    begun.then((arrival) => ('kind' in arrival ? forget() : arrival.admitted.then(forget, forget)));
    return begun;
  }

  async #begin(
    name: ModelName,
    { upstream, host }: Route<Upstream>,
    decision: Allowed,
    owner: string,
  ): Promise<ModelArrival | ManifestAnswer> {
    const { records, signal, contact } = this.#settings;
    this.#queue.refuseWhenFull(owner);
    const repository = `${name.namespace}/${name.model}`;
    const fromUpstream = () => upstream.manifest(repository, name.tag, signal);
    let checked: CheckedManifest;
    if (decision.kind === 'listed') {
      const wanted = decision.model.manifest.digest;
      const place = `${nameKey(name)} ${wanted}`;
      const known = this.#moved.recall(place);
      if (known !== undefined) return { kind: 'refused', sentence: known.sentence };
      const found = await listedManifest(name, wanted, {
        approved: decision.approved,
        admitted: async (digest) => (await records.byDigest(digest))?.bytes,
        upstream: fromUpstream,
      });
      if (found.kind === 'moved') {
        await records.moved(name, wanted, found.found);
        const sentence = movedSentence(name, decision.model, found.found, contact);
        this.#moved.keep(place, sentence);
        return { kind: 'refused', sentence };
      }
      checked = found.checked;
      const lie = contradictionSentence(name, decision, checked.bytes, contact);
      if (lie !== undefined) {
        await records.refused(name, lie, false);
        return { kind: 'refused', sentence: lie };
      }
    } else {
      // The tag of an admitted model does not move: what is missing of it is fetched again, and nothing else.
      const known = await records.find(name);
      checked = checkManifest(name, known?.bytes ?? (await fromUpstream()));
    }
    const wanted = blobsOf(checked.manifest);
    const blobs = wanted.map((entry) => this.#flights.announce(entry));
    const job = async () => {
      const landed: AdmittedBlob[] = [];
      for (const { digest, size } of wanted) {
        const source = upstream.blob(repository, digest, size);
        const table = decision.kind === 'listed' ? listedTable(decision, digest) : undefined;
        landed.push(await this.#flights.land({ digest, size, source, table }, signal));
      }
      const list = decision.kind === 'listed' ? decision.approved : undefined;
      await records.admit({
        ...{ name, digest: checked.digest, mediaType: checked.mediaType, bytes: checked.bytes },
        ...{ blobs: landed, source: host },
        ...{ listDigest: list?.digest, listVersion: list?.list.version },
      });
      this.#settings.events.admitted(
        fullName(name),
        wanted.reduce((sum, { size }) => sum + size, 0),
      );
    };
    const admitted = this.#queue.run(owner, job).catch((error: unknown) => {
      for (const blob of blobs) blob.failed(error);
      this.#unavailable(name, error);
      throw error;
    });
    const over = () => {
      for (const { digest } of wanted) this.#flights.leave(digest);
    };
    // Nobody may be waiting for it: whoever asks next hears of a failure.
    admitted.then(over, over);
    return { checked, blobs, admitted };
  }

  #unavailable(name: ModelName, error: unknown): ManifestAnswer {
    if (error instanceof KnownError && error.httpStatus === 404) return { kind: 'unknown' };
    const reason = error instanceof KnownError ? error.message : 'an internal error, which is in its log';
    const sentence = `${shortName(name)} cannot be had from upstream now: ${reason}`;
    if (!this.#settings.signal.aborted) {
      this.#failures.keep(fullName(name), sentence);
      this.#settings.events.failed(fullName(name), error);
    }
    return { kind: 'unavailable', sentence };
  }
}

function listedTable({ approved, model }: Decision & { kind: 'listed' }, digest: Digest) {
  const entry = [model.config, ...model.layers].find((one) => one.digest === digest);
  const table = entry === undefined ? 'none' : approved.companions.table(entry);
  return typeof table === 'string' ? undefined : table;
}
