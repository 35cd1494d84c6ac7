import {
  type AllowList,
  type Companions,
  differenceFrom,
  type ListedModel,
  manifestAtHand,
  NearNames,
  resolveAlias,
} from '../allow-list/index.ts';
import { type Digest, type ModelName, nameKey, parseModelName } from '../oci/index.ts';

import { Attestations } from './attestations.ts';

/** An allow-list that was accepted, ready for the questions of a mirror. */
export class ApprovedList {
  readonly list: AllowList;
  readonly companions: Companions;
  /** SHA-256 of the list's bytes. */
  readonly digest: Digest;
  /** Its approvals, and what else was signed about its models. */
  readonly attestations: Attestations;
  /** Ollama types names in any case; names that differ in case only make a list refused, so that this is one to one. */
  readonly #byFoldedName = new Map<string, string>();
  readonly #near: NearNames;
  readonly #manifests = new Map<Digest, ListedModel>();
  /** What was found when a manifest was compared with the list. */
  readonly #compared = new Map<Digest, string | undefined>();
  readonly #blobs = new Set<Digest>();

  /** @param bundles the approvals of this list, and attestations about its models: one Sigstore bundle each */
  constructor(list: AllowList, companions: Companions, digest: Digest, bundles: readonly Buffer[] = []) {
    this.attestations = new Attestations(list, bundles);
    this.list = list;
    this.companions = companions;
    this.digest = digest;
    for (const [name, model] of list.models) {
      const { manifest, config, layers } = model;
      this.#byFoldedName.set(nameKey(parseModelName(name)), name);
      this.#manifests.set(manifest.digest, model);
      for (const { digest: blob } of [config, ...layers]) this.#blobs.add(blob);
    }
    this.#near = new NearNames(this.#byFoldedName.keys());
  }

  /** The listed model that a name means, aliases applied and without regard to case. */
  find(name: ModelName): { readonly listedAs: string; readonly model: ListedModel } | undefined {
    const resolved = resolveAlias(this.list, name);
    const listedAs = this.#byFoldedName.get(nameKey(resolved));
    const model = listedAs === undefined ? undefined : this.list.models.get(listedAs);
    return listedAs === undefined || model === undefined ? undefined : { listedAs, model };
  }

  /** Listed names that somebody who typed this one may have meant. */
  near(name: ModelName): readonly string[] {
    return this.#near.find(nameKey(name)).map((key) => this.#byFoldedName.get(key) ?? key);
  }

  /** Comparisons that all questions for near names have cost so far. */
  get comparisons(): number {
    return this.#near.comparisons;
  }

  /** What the list says of a manifest with this digest; of one that it pins under two names it says the same. */
  pinned(digest: Digest): ListedModel | undefined {
    return this.#manifests.get(digest);
  }

  /**
   * In which point the list says other of a model than its manifest; undefined where they agree. Each is compared once.
   *
   * @param bytes of the manifest that the list pins; undefined where they are not here, and only what was seen before counts
   */
  problemWith(
    { manifest }: Pick<ListedModel, 'manifest'>,
    bytes: Uint8Array | undefined,
  ): string | undefined {
    const model = this.#manifests.get(manifest.digest);
    if (model === undefined) return undefined;
    if (bytes !== undefined && !this.#compared.has(manifest.digest))
      this.#compared.set(manifest.digest, differenceFrom(model, manifestAtHand(bytes))?.problem);
    return this.#compared.get(manifest.digest);
  }

  namesBlob(digest: Digest): boolean {
    return this.#blobs.has(digest);
  }
}

/** What a mirror knows of its list. */
export type ListStanding =
  /** None was given: integrity only. */
  | { readonly kind: 'none' }
  | { readonly kind: 'accepted'; readonly approved: ApprovedList }
  /** One was given and may not be used; the reason is one clause for a person. */
  | { readonly kind: 'refused'; readonly reason: string };
