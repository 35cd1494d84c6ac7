import type { BlobStorage } from '../blobs/index.ts';
import {
  type Descriptor,
  type Digest,
  fullName,
  isDigest,
  type ModelName,
  parseModelName,
  shortName,
} from '../oci/index.ts';
import type { Upstream } from '../upstream/index.ts';
import type { BlobAnswer, ManifestAnswer, ManifestQuestion, Mirror, Referrer } from './answers.ts';
import type { ListStanding } from './approved-list.ts';
import type { Attestations } from './attestations.ts';
import { contradictionSentence, type Decision, decideModel, type Policy } from './decide-model.ts';
import type { QueueLimits } from './fair-queue.ts';
import { blobsOf, checkManifest } from './manifest-source.ts';
import { type AdmissionEvents, type Allowed, ModelArrivals } from './model-arrivals.ts';
import type { AdmittedModel, Records } from './records.ts';
import { nameOf, type Route, type Routes } from './routes.ts';

export interface AdmissionSettings {
  readonly records: Records;
  readonly blobs: BlobStorage;
  readonly routes: Routes<Upstream>;
  /** The allow-list as it stands now: it may be replaced while the mirror runs. */
  readonly list: () => ListStanding;
  /** Looks whether a newer list lies there: asked when what is here is not what the list says. */
  readonly lookAtList?: () => Promise<void>;
  readonly policy: Policy;
  /** Without a list, also fetch for clients that are not on this machine. */
  readonly fetchUnlisted: boolean;
  readonly queue: QueueLimits;
  /** How long a client that does not hold waits for a model: 5 minutes by default, in milliseconds. */
  readonly patienceMs: number;
  /** How long the reason of a failure is repeated before upstream is asked again, in milliseconds. */
  readonly failureMs: number;
  /** Whom a person asks who was refused. */
  readonly contact: string;
  readonly now: () => Date;
  /** Aborted after so many milliseconds. */
  readonly after: (ms: number) => AbortSignal;
  /** Ends everything that is on its way; what was received is kept. */
  readonly signal: AbortSignal;
  readonly events: AdmissionEvents;
}

/** Manifests whose blobs are remembered. */
const parsedLimit = 1000;

/** For so long nobody looks again whether the blobs of a manifest are there: a busy tag is asked for thousands of times. */
const wholeMs = 1000;

/**
 * Lets models in: decides, fetches once however many ask, verifies, records, and only then serves. A fetch goes on when
 * the client that caused it leaves.
 */
export class Admission implements Mirror {
  readonly #settings: AdmissionSettings;
  readonly #arrivals: ModelArrivals;
  /** What manifests name, by their digests: read once, not with every request. */
  readonly #parsed = new Map<Digest, readonly Descriptor[]>();
  /** Answers of the last second, each under the list by which it was given. */
  readonly #recent = new Map<
    string,
    { readonly answer: ManifestAnswer; readonly at: number; readonly under: ListStanding }
  >();
  /** When all blobs of a manifest were last seen in their places, in milliseconds since 1970. */
  readonly #whole = new Map<Digest, number>();

  constructor(settings: AdmissionSettings) {
    this.#settings = settings;
    this.#arrivals = new ModelArrivals(settings);
  }

  /** Requests that are held until their bytes are verified. */
  get held(): number {
    return this.#arrivals.held;
  }

  async manifest(question: ManifestQuestion): Promise<ManifestAnswer> {
    const { host, repository, reference } = question;
    if (isDigest(reference)) return this.#byDigest(reference);
    const { list, policy, contact, records, routes } = this.#settings;
    const asked = routes.of(host);
    let typed: ModelName;
    try {
      typed = nameOf(asked.host, repository, reference);
    } catch {
      return { kind: 'unknown' };
    }
    const decision = decideModel(typed, list(), policy, contact);
    if (decision.kind === 'refused') {
      await records.refused(typed, decision.sentence, false);
      return decision;
    }
    // Clients type a name in any case, and through any host that stands for it: the list says how it is spelled.
    const name = decision.kind === 'listed' ? parseModelName(decision.listedAs) : typed;
    const route = decision.kind === 'listed' ? (routes.forName(name) ?? asked) : asked;
    const admitted = await records.find(name);
    const lie = this.#lieAbout(name, admitted, decision);
    if (lie !== undefined) {
      await records.refused(name, lie, false);
      return { kind: 'refused', sentence: lie };
    }
    if (admitted !== undefined && isStillIt(admitted, decision) && (await this.#isWhole(admitted))) {
      if (decision.kind === 'observed' && decision.wouldRefuse !== undefined)
        await records.refused(name, decision.wouldRefuse, true);
      else this.#remember(question, answer(admitted));
      return answer(admitted);
    }
    if (admitted !== undefined && !isStillIt(admitted, decision) && (await this.#hasNewerList()))
      return this.manifest(question);
    return this.#arriving(name, route, decision, question);
  }

  /** Why a model must not be served although the list pins its manifest: by what is here, or was seen before. */
  #lieAbout(name: ModelName, here: AdmittedModel | undefined, decision: Decision): string | undefined {
    const bytes = here !== undefined && isStillIt(here, decision) ? here.bytes : undefined;
    return contradictionSentence(name, decision, bytes, this.#settings.contact);
  }

  /** An import brings models in by a list that this process may not have seen yet: the old one would bring the old model back. */
  async #hasNewerList(): Promise<boolean> {
    const before = this.#settings.list();
    await this.#settings.lookAtList?.();
    return this.#settings.list() !== before;
  }

  recent(host: string, repository: string, reference: string): ManifestAnswer | undefined {
    const known = this.#recent.get(keyOf(host, repository, reference));
    if (known === undefined || known.under !== this.#settings.list()) return undefined;
    return Math.abs(this.#settings.now().getTime() - known.at) < wholeMs ? known.answer : undefined;
  }

  #remember({ host, repository, reference }: ManifestQuestion, given: ManifestAnswer): void {
    if (this.#recent.size >= parsedLimit) this.#recent.clear();
    const at = this.#settings.now().getTime();
    const under = this.#settings.list();
    this.#recent.set(keyOf(host, repository, reference), { answer: given, at, under });
  }

  async #byDigest(digest: Digest): Promise<ManifestAnswer> {
    const small = this.#attestations?.manifest(digest);
    if (small !== undefined) return { kind: 'manifest', digest, ...small };
    const standing = this.#settings.list();
    const approved = standing.kind === 'accepted' ? standing.approved : undefined;
    const listed = approved?.pinned(digest);
    if (this.#settings.policy === 'enforce' && listed === undefined) return { kind: 'unknown' };
    const admitted = await this.#settings.records.byDigest(digest);
    const lies = listed && admitted && approved?.problemWith(listed, admitted.bytes);
    return admitted === undefined || lies !== undefined ? { kind: 'unknown' } : answer(admitted);
  }

  /** A blob may have rotted and been put into quarantine: what names it is then fetched again. */
  async #isWhole({ name, digest: manifest, bytes }: AdmittedModel): Promise<boolean> {
    const now = this.#settings.now().getTime();
    const seen = this.#whole.get(manifest);
    if (seen !== undefined && Math.abs(now - seen) < wholeMs) return true;
    for (const { digest, size } of this.#blobsOf(name, manifest, bytes)) {
      const stored = await this.#settings.blobs.find(digest);
      if (stored?.size !== size) return false;
    }
    if (this.#whole.size >= parsedLimit) this.#whole.clear();
    this.#whole.set(manifest, now);
    return true;
  }

  #blobsOf(name: ModelName, manifest: Digest, bytes: Buffer): readonly Descriptor[] {
    const known = this.#parsed.get(manifest);
    if (known !== undefined) return known;
    const blobs = blobsOf(checkManifest(name, bytes).manifest);
    if (this.#parsed.size >= parsedLimit) this.#parsed.clear();
    this.#parsed.set(manifest, blobs);
    return blobs;
  }

  /**
   * Brings a model here for whoever runs this mirror, and waits for it, however long it takes.
   *
   * @throws what fetching throws
   */
  async bring(name: ModelName): Promise<'here' | 'fetched' | Exclude<ManifestAnswer, { kind: 'manifest' }>> {
    const { list, policy, contact, records, routes } = this.#settings;
    const decision = decideModel(name, list(), policy, contact);
    if (decision.kind === 'refused') return decision;
    const meant = decision.kind === 'listed' ? parseModelName(decision.listedAs) : name;
    const admitted = await records.find(meant);
    const lie = this.#lieAbout(meant, admitted, decision);
    if (lie !== undefined) return { kind: 'refused', sentence: lie };
    if (admitted !== undefined && isStillIt(admitted, decision) && (await this.#isWhole(admitted)))
      return 'here';
    const route = routes.forName(meant) ?? routes.of('');
    const arrival = await this.#arrivals.arrive(meant, route, decision, 'this mirror');
    if ('kind' in arrival) return arrival.kind === 'manifest' ? 'here' : arrival;
    await arrival.admitted;
    return 'fetched';
  }

  /** A model that is allowed and not here. */
  async #arriving(
    name: ModelName,
    route: Route<Upstream>,
    decision: Allowed,
    { client, signal }: ManifestQuestion,
  ): Promise<ManifestAnswer> {
    const { contact, fetchUnlisted, patienceMs, after } = this.#settings;
    if (decision.kind === 'observed' && !client.loopback && !fetchUnlisted) {
      const sentence = `${shortName(name)} is not here, and this mirror fetches what is on no allow-list for itself alone; ask ${contact}`;
      return { kind: 'refused', sentence };
    }
    const failure = this.#arrivals.recall(fullName(name));
    if (failure !== undefined)
      return { kind: 'unavailable', sentence: failure.sentence, retryAfterSeconds: failure.seconds };
    const arrival = await this.#arrivals.arrive(name, route, decision, client.address);
    if ('kind' in arrival) return arrival;
    const { checked, admitted } = arrival;
    const holds = client.ollama && checked.manifest.layers.every(({ kind }) => kind !== 'tensor');
    if (!holds) {
      const patience = after(patienceMs);
      const outcome = await settled(admitted, AbortSignal.any([signal, patience]));
      if (outcome !== 'done') {
        const failed = this.#arrivals.recall(fullName(name))?.sentence;
        const sentence = failed ?? `${shortName(name)} is being fetched; try again in a few minutes`;
        return { kind: 'unavailable', sentence, retryAfterSeconds: 60 };
      }
    }
    return { kind: 'manifest', digest: checked.digest, mediaType: checked.mediaType, bytes: checked.bytes };
  }

  async blob(digest: Digest): Promise<BlobAnswer | undefined> {
    const arriving = this.#arrivals.blob(digest);
    if (arriving !== undefined) return arriving;
    const small = this.#attestations?.blob(digest);
    if (small !== undefined) return { kind: 'small', size: small.bytes.length, bytes: small.bytes };
    if (!(await this.#servesBlob(digest))) return undefined;
    const { blobs } = this.#settings;
    const stored = await blobs.find(digest);
    return stored && { kind: 'stored', size: stored.size, open: () => blobs.read(digest) };
  }

  async #servesBlob(digest: Digest): Promise<boolean> {
    const { policy, list, records } = this.#settings;
    const standing = list();
    if (policy === 'enforce' && !(standing.kind === 'accepted' && standing.approved.namesBlob(digest)))
      return false;
    return records.namesBlob(digest);
  }

  repositories(host: string, count: number, last: string | undefined): Promise<readonly string[]> {
    const { routes, records } = this.#settings;
    return records.repositories(routes.of(host).host, count, last);
  }

  tags(host: string, repository: string, count: number, last: string | undefined) {
    const { routes, records } = this.#settings;
    return records.tags(routes.of(host).host, repository, count, last);
  }

  async referrers(digest: Digest): Promise<readonly Referrer[]> {
    return this.#attestations?.of(digest) ?? [];
  }

  get #attestations(): Attestations | undefined {
    const standing = this.#settings.list();
    return standing.kind === 'accepted' ? standing.approved.attestations : undefined;
  }
}

const keyOf = (host: string, repository: string, reference: string): string =>
  `${host} ${repository} ${reference}`;

/** What was admitted is what is allowed: by the list's digest, or because an admitted tag does not move by itself. */
const isStillIt = ({ digest }: AdmittedModel, decision: Decision): boolean =>
  decision.kind !== 'listed' || decision.model.manifest.digest === digest;

const answer = ({ digest, mediaType, bytes }: AdmittedModel): ManifestAnswer => ({
  kind: 'manifest',
  ...{ digest, mediaType, bytes },
});

async function settled(promise: Promise<void>, signal: AbortSignal): Promise<'done' | 'failed' | 'given up'> {
  if (signal.aborted) return 'given up';
  const { promise: aborted, resolve } = Promise.withResolvers<'given up'>();
  const onAbort = () => resolve('given up');
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([
      promise.then(
        () => 'done' as const,
        () => 'failed' as const,
      ),
      aborted,
    ]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
