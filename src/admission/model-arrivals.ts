import type { BlobStorage } from '../blobs/index.ts';
import { KnownError } from '../errors/index.ts';
import { Shares } from '../inbound/index.ts';
import { type Descriptor, type Digest, fullName, shortName } from '../oci/index.ts';
import type { BlobAnswer, ManifestAnswer } from './answers.ts';
import { type ArrivalQuestion, contradictionOf, keyOf, listedTable, manifestOf } from './arrival-question.ts';
import { BlobFlights, type Boarding } from './blob-flights.ts';
import { disputeSentence } from './decide-model.ts';
import { FailureMemory } from './failure-memory.ts';
import { FairQueue, type QueuedJob, type QueueLimits } from './fair-queue.ts';
import { blobsOf, type CheckedManifest } from './manifest-source.ts';
import type { AdmittedBlob, Records } from './records.ts';

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

/** Outcomes that are remembered: of failures, and of names that upstream does not have, which cost a client nothing. */
const failuresKept = 1000;
const missingKept = 10_000;

/** Why nothing came of a question. */
type Told = Extract<ManifestAnswer, { kind: 'refused' | 'unavailable' }>;

/** A model that somebody wants, and all who want it. */
interface Underway {
  readonly owners: Set<string>;
  queued: QueuedJob<void> | undefined;
  /** It is at work, or nothing came of it. */
  readonly began: () => void;
}

/** Models on their way: each is fetched once however many ask, and goes on when they leave. */
export class ModelArrivals {
  readonly #settings: ArrivalSettings;
  readonly #queue: FairQueue;
  readonly #flights: BlobFlights;
  /** Models that are asked for and not at work yet. */
  readonly #asked: Shares;
  readonly #failures: FailureMemory<Told>;
  readonly #missing: FailureMemory<true>;
  /** What moved upstream: asked once for all who ask in the same half minute. */
  readonly #moved: FailureMemory<string>;
  readonly #arrivals = new Map<
    string,
    { readonly under: Underway; readonly begun: Promise<ModelArrival | ManifestAnswer> }
  >();

  constructor(settings: ArrivalSettings) {
    const { queue, blobs, events, failureMs, now } = settings;
    this.#settings = settings;
    this.#queue = new FairQueue(queue);
    this.#asked = new Shares({ all: queue.waiting, each: queue.waitingEach });
    this.#flights = new BlobFlights(blobs, events);
    this.#failures = new FailureMemory(failuresKept, failureMs, now);
    this.#missing = new FailureMemory(missingKept, failureMs, now);
    this.#moved = new FailureMemory(failuresKept, failureMs, now);
  }

  /** Requests that are held, over all blobs. */
  get held(): number {
    return this.#flights.held;
  }

  /** A blob that is on its way. */
  blob(digest: Digest): BlobAnswer | undefined {
    return this.#flights.get(digest);
  }

  /** What came of the same question a moment ago, where nothing did. */
  recall(question: ArrivalQuestion): ManifestAnswer | undefined {
    const key = keyOf(question);
    if (this.#missing.recall(key) !== undefined) return { kind: 'unknown' };
    const failure = this.#failures.recall(key);
    if (failure === undefined || failure.what.kind === 'refused') return failure?.what;
    return { ...failure.what, retryAfterSeconds: failure.seconds };
  }

  /** Brings a model here, once however many ask; or says why not. */
  arrive(question: ArrivalQuestion, owner: string): Promise<ModelArrival | ManifestAnswer> {
    const key = keyOf(question);
    const known = this.#arrivals.get(key);
    if (known !== undefined) {
      known.under.owners.add(owner);
      known.under.queued?.alsoFor(owner);
      return known.begun;
    }
    const began = this.#asked.take(owner);
    if (began === undefined) return Promise.resolve(this.#full(question, owner));
    const under: Underway = { owners: new Set([owner]), queued: undefined, began };
    const begun = this.#begin(question, under).catch((error: unknown) => this.#unavailable(question, error));
    this.#arrivals.set(key, { under, begun });
    const forget = () => this.#arrivals.delete(key);
    begun.then((arrival) => {
      if (!('kind' in arrival)) return arrival.admitted.then(forget, forget);
      began();
      return forget();
    });
    return begun;
  }

  async #begin(question: ArrivalQuestion, under: Underway): Promise<ModelArrival | ManifestAnswer> {
    const { name, decision } = question;
    for (const owner of under.owners) this.#queue.refuseWhenFull(owner);
    const checked = await manifestOf(question, { ...this.#settings, moved: this.#moved });
    if ('kind' in checked) return checked;
    const wanted = blobsOf(checked.manifest);
    const refused = await contradictionOf(question, wanted, this.#settings);
    if (refused !== undefined) {
      this.#failures.keep(keyOf(question), refused);
      return refused;
    }
    const model = { name: shortName(name), listed: decision.kind === 'listed' };
    const boarding = await this.#flights.board(model, wanted);
    if (boarding.kind === 'disputed')
      return { kind: 'unavailable', sentence: disputeSentence(name, boarding), retryAfterSeconds: 60 };
    const job = () => {
      under.began();
      return this.#land(question, checked, wanted, boarding);
    };
    try {
      under.queued = this.#queue.enter([...under.owners], job);
    } catch (error) {
      boarding.leave(error);
      throw error;
    }
    const admitted = under.queued.done.then(
      () => boarding.leave(undefined),
      (error: unknown) => {
        boarding.leave(error);
        this.#remember(question, error);
        throw error;
      },
    );
    // Nobody may be waiting for it: whoever asks next hears of a failure.
    admitted.catch(() => {});
    return { checked, admitted };
  }

  /** Brings every blob here and records the model. @throws what fetching throws */
  async #land(
    { name, route, decision }: ArrivalQuestion,
    checked: CheckedManifest,
    wanted: readonly Descriptor[],
    boarding: Boarding,
  ): Promise<void> {
    const { records, signal, events } = this.#settings;
    const landed: AdmittedBlob[] = [];
    for (const { digest, size } of wanted) {
      const source = route.upstream.blob(`${name.namespace}/${name.model}`, digest, size);
      const table = listedTable(decision, digest);
      landed.push(await boarding.land({ digest, size, source, table }, signal));
    }
    const list = decision.kind === 'listed' ? decision.approved : undefined;
    await records.admit({
      ...{ name, digest: checked.digest, mediaType: checked.mediaType, bytes: checked.bytes },
      ...{ blobs: landed, source: route.host },
      ...{ listDigest: list?.digest, listVersion: list?.list.version },
    });
    const bytes = wanted.reduce((sum, { size }) => sum + size, 0);
    events.admitted(fullName(name), bytes);
  }

  #full(question: ArrivalQuestion, owner: string): ManifestAnswer {
    try {
      this.#queue.refuseWhenFull(owner);
      throw new KnownError('QUEUE_FULL', { waiting: this.#asked.taken });
    } catch (error) {
      return this.#unavailable(question, error);
    }
  }

  /** Nothing came of asking: the name is unknown, or the reason is told. */
  #unavailable(question: ArrivalQuestion, error: unknown): ManifestAnswer {
    if (error instanceof KnownError && error.httpStatus === 404) {
      this.#missing.keep(keyOf(question), true);
      return { kind: 'unknown' };
    }
    return { kind: 'unavailable', sentence: this.#remember(question, error) };
  }

  /** @returns the reason, in one sentence */
  #remember({ name, ...more }: ArrivalQuestion, error: unknown): string {
    const reason = error instanceof KnownError ? error.message : 'an internal error, which is in its log';
    const sentence = `${shortName(name)} cannot be had from upstream now: ${reason}`;
    // That one client asks for too much is no matter of others.
    const isOwnMatter = error instanceof KnownError && error.code === 'QUEUE_FULL';
    if (isOwnMatter || this.#settings.signal.aborted) return sentence;
    this.#failures.keep(keyOf({ name, ...more }), { kind: 'unavailable', sentence });
    this.#settings.events.failed(fullName(name), error);
    return sentence;
  }
}
