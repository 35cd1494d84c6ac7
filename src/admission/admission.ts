import type { BlobStorage } from '../blobs/index.ts';
import { KnownError } from '../errors/index.ts';
import {
  type Digest,
  isDigest,
  type ModelName,
  normalName,
  parseModelName,
  shortName,
} from '../oci/index.ts';
import type { Upstream } from '../upstream/index.ts';
import type { BlobAnswer, ManifestAnswer, ManifestQuestion, Mirror, Referrer } from './answers.ts';
import type { ApprovedList, ListStanding } from './approved-list.ts';
import type { Allowed } from './arrival-question.ts';
import type { Attestations } from './attestations.ts';
import { contradictionSentence, type Decision, decideModel, type Policy } from './decide-model.ts';
import type { QueueLimits } from './fair-queue.ts';
import { type AdmissionEvents, ModelArrivals } from './model-arrivals.ts';
import { RecentAnswers } from './recent-answers.ts';
import type { AdmittedModel, Records } from './records.ts';
import { nameOf, type Route, type Routes } from './routes.ts';
import { settled } from './settled.ts';
import { WholeModels } from './whole-models.ts';

export interface AdmissionSettings {
  readonly records: Records;
  readonly blobs: BlobStorage;
  readonly routes: Routes<Upstream>;
  /** The allow-list as it stands now: it may be replaced while the mirror runs. */
  readonly list: () => ListStanding;
  /** Whether a date has come at which the list may be another one: it is looked at before anything is answered by it. */
  readonly isListDue?: () => boolean;
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

/**
 * Lets models in: decides, fetches once however many ask, verifies, records, and only then serves. A fetch goes on when
 * the client that caused it leaves.
 */
export class Admission implements Mirror {
  readonly #settings: AdmissionSettings;
  readonly #arrivals: ModelArrivals;
  readonly #recent: RecentAnswers;
  readonly #whole: WholeModels;

  constructor(settings: AdmissionSettings) {
    this.#settings = settings;
    this.#arrivals = new ModelArrivals(settings);
    this.#recent = new RecentAnswers(settings.now);
    this.#whole = new WholeModels(settings.blobs, settings.now);
  }

  /** Requests that are held until their bytes are verified. */
  get held(): number {
    return this.#arrivals.held;
  }

  async manifest(question: ManifestQuestion): Promise<ManifestAnswer> {
    if (this.#isListDue) await this.#settings.lookAtList?.();
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
    // In one spelling: else each spelling of a name would be refused in words of its own.
    const standing = list();
    const decision = decideModel(normalName(typed), standing, policy, contact);
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
    if (admitted !== undefined && isStillIt(admitted, decision) && (await this.#whole.has(admitted))) {
      if (decision.kind === 'observed' && decision.wouldRefuse !== undefined)
        await records.refused(name, decision.wouldRefuse, true);
      else this.#recent.set(this.#keyOf(host, repository, reference), answer(admitted), standing);
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
    if (this.#isListDue) return undefined;
    return this.#recent.get(this.#keyOf(host, repository, reference), this.#settings.list());
  }

  /** A question under all of its spellings, and under every host that stands for the same upstream. */
  #keyOf(host: string, repository: string, reference: string): string {
    return `${this.#settings.routes.of(host).host}/${repository}:${reference}`.toLowerCase();
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

  /**
   * Brings a model here for whoever runs this mirror, and waits for it, however long it takes.
   *
   * @throws what fetching throws
   */
  async bring(name: ModelName): Promise<'here' | 'fetched' | Exclude<ManifestAnswer, { kind: 'manifest' }>> {
    if (this.#isListDue) await this.#settings.lookAtList?.();
    const { list, policy, contact, records, routes } = this.#settings;
    const decision = decideModel(normalName(name), list(), policy, contact);
    if (decision.kind === 'refused') return decision;
    const meant = decision.kind === 'listed' ? parseModelName(decision.listedAs) : name;
    const admitted = await records.find(meant);
    const lie = this.#lieAbout(meant, admitted, decision);
    if (lie !== undefined) return { kind: 'refused', sentence: lie };
    if (admitted !== undefined && isStillIt(admitted, decision) && (await this.#whole.has(admitted)))
      return 'here';
    const route = routes.forName(meant) ?? routes.of('');
    const arrival = await this.#arrivals.arrive({ name: meant, route, decision }, 'this mirror');
    if ('kind' in arrival) return arrival.kind === 'manifest' ? 'here' : arrival;
    await arrival.admitted;
    return 'fetched';
  }

  /** A model that is allowed and not here. */
  async #arriving(
    name: ModelName,
    route: Route<Upstream>,
    decision: Allowed,
    asked: ManifestQuestion,
  ): Promise<ManifestAnswer> {
    const { client, signal } = asked;
    const { contact, fetchUnlisted, patienceMs, after } = this.#settings;
    if (decision.kind === 'observed' && !client.loopback && !fetchUnlisted) {
      const sentence = `${shortName(name)} is not here, and this mirror fetches what is on no allow-list for itself alone; ask ${contact}`;
      return { kind: 'refused', sentence };
    }
    const question = { name, route, decision };
    const before = this.#arrivals.recall(question);
    if (before !== undefined) return before;
    const arrival = await this.#arrivals.arrive(question, client.address);
    if ('kind' in arrival) return arrival;
    const { checked, admitted } = arrival;
    const holds = client.ollama && checked.manifest.layers.every(({ kind }) => kind !== 'tensor');
    if (!holds) {
      const patience = after(patienceMs);
      const outcome = await settled(admitted, AbortSignal.any([signal, patience]));
      if (outcome !== 'done') {
        const sentence = `${shortName(name)} is being fetched; try again in a few minutes`;
        return this.#arrivals.recall(question) ?? { kind: 'unavailable', sentence, retryAfterSeconds: 60 };
      }
      // It took a while: what was decided by may be in force no more.
      if (decision.kind === 'listed' && !this.#isInForce(decision.approved)) return this.manifest(asked);
    }
    return { kind: 'manifest', digest: checked.digest, mediaType: checked.mediaType, bytes: checked.bytes };
  }

  async blob(digest: Digest): Promise<BlobAnswer | undefined> {
    if (this.#isListDue) await this.#settings.lookAtList?.();
    if (!this.#allowsBlob(digest)) return undefined;
    const small = this.#attestations?.blob(digest);
    if (small !== undefined) return { kind: 'small', size: small.bytes.length, bytes: small.bytes };
    const { blobs, records } = this.#settings;
    // What is here and verified is served from here, whoever wants it from upstream again, and whatever he says of it.
    const size = await records.blobSize(digest);
    const stored = size === undefined ? undefined : await blobs.find(digest);
    if (stored !== undefined && stored.size === size)
      return { kind: 'stored', size, open: () => blobs.read(digest) };
    const arriving = this.#arrivals.blob(digest);
    return arriving?.kind === 'arriving' ? this.#whileAllowed(digest, arriving) : arriving;
  }

  /** Who waits for a range may wait for minutes: it is given out by the list that is in force then. */
  #whileAllowed(digest: Digest, arriving: BlobAnswer & { kind: 'arriving' }): BlobAnswer {
    return {
      ...arriving,
      open: async (start, end, signal) => {
        const file = await arriving.open(start, end, signal);
        if (this.#isListDue) await this.#settings.lookAtList?.();
        if (this.#allowsBlob(digest)) return file;
        await file.close();
        throw new KnownError('LIST_NOT_ACCEPTED', { reason: `it does not name ${digest} any more` });
      },
    };
  }

  /** What is on its way counts too: the list that let it in may be in force no more. */
  #allowsBlob(digest: Digest): boolean {
    const { policy, list } = this.#settings;
    const standing = list();
    if (policy === 'observe') return true;
    if (standing.kind !== 'accepted') return false;
    return standing.approved.namesBlob(digest) || this.#attestations?.blob(digest) !== undefined;
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
    if (this.#isListDue) await this.#settings.lookAtList?.();
    return this.#attestations?.of(digest) ?? [];
  }

  #isInForce(approved: ApprovedList): boolean {
    const standing = this.#settings.list();
    return !this.#isListDue && standing.kind === 'accepted' && standing.approved === approved;
  }

  get #isListDue(): boolean {
    return this.#settings.isListDue?.() === true;
  }

  get #attestations(): Attestations | undefined {
    const standing = this.#settings.list();
    return standing.kind === 'accepted' ? standing.approved.attestations : undefined;
  }
}

/** What was admitted is what is allowed: by the list's digest, or because an admitted tag does not move by itself. */
const isStillIt = ({ digest }: AdmittedModel, decision: Decision): boolean =>
  decision.kind !== 'listed' || decision.model.manifest.digest === digest;

const answer = ({ digest, mediaType, bytes }: AdmittedModel): ManifestAnswer => ({
  kind: 'manifest',
  ...{ digest, mediaType, bytes },
});
