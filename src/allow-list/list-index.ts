import type { Digest } from '../oci/index.ts';
import type { AllowList, ListedModel } from './allow-list.ts';
import { NearNames } from './near-names.ts';

type Entry = readonly [name: string, model: ListedModel];

const indexes = new WeakMap<AllowList, ListIndex>();

/**
 * What is looked up in a list for each model that it does not name: made once for a list. A store may hold thousands of
 * such models, and a list tens of thousands of others.
 */
export class ListIndex {
  readonly near: NearNames;
  readonly #byManifest: ReadonlyMap<Digest, readonly Entry[]>;
  readonly #byConfig: ReadonlyMap<Digest, readonly Entry[]>;

  private constructor({ models }: AllowList) {
    this.near = new NearNames(models.keys());
    this.#byManifest = Map.groupBy(models, ([, { manifest }]) => manifest.digest);
    this.#byConfig = Map.groupBy(models, ([, { config }]) => config.digest);
  }

  /** The index of this list; it lives as long as the list does. */
  static of(list: AllowList): ListIndex {
    const index = indexes.get(list) ?? new ListIndex(list);
    indexes.set(list, index);
    return index;
  }

  /** Listed models that may be the same as one with this manifest and this config: no other can be. */
  alike(manifest: Digest, config: Digest): readonly Entry[] {
    const own = this.#byManifest.get(manifest) ?? [];
    const others = (this.#byConfig.get(config) ?? []).filter(
      ([, model]) => model.manifest.digest !== manifest,
    );
    return others.length === 0 ? own : [...own, ...others].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
