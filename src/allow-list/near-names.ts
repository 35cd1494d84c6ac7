import { BoundedMap } from '../bounds/index.ts';
import { parseModelName } from '../oci/index.ts';
import { PartIndex } from './part-index.ts';

/** Longest full name for which others are looked for, characters. */
const longestAsked = 200;

/** What one search costs at most. */
export interface SearchLimits {
  /** Values of each of the three parts that are compared. */
  readonly compared: number;
  /** Names that are then looked up. */
  readonly lookedUp: number;
}

/** For whoever answers strangers: 448 comparisons, well below a millisecond. */
const usualLimits: SearchLimits = { compared: 64, lookedUp: 256 };

/** For a person who is about to approve a list, and must not be kept from seeing a look-alike by many others. */
export const thoroughLimits: SearchLimits = { compared: 4096, lookedUp: 16_384 };

/** Answers that are kept. Tags do not matter to them. */
const answersKept = 1000;

/** Names that a search gives at most. */
export const nearNamesLimit = 3;

/**
 * Listed names that another could be taken for: they look alike at a glance (`1ibrary` and `library`, `qwen35` and
 * `qwen3.5`), or one letter of the model, namespace or host is missing, doubled, swapped or another (`lama3.2`).
 * Other digits are another version, not a near-name; tags are not compared.
 *
 * The names are indexed once. Who asks chooses the name, so that a search has a bound, however many names are listed: a
 * list of so many look-alikes that the bound is reached gives fewer of them.
 */
export class NearNames {
  readonly #listed: Iterable<string>;
  readonly #limits: SearchLimits;
  readonly #answers = new BoundedMap<string, readonly string[]>(answersKept);
  #index: NameIndex | undefined;
  #comparisons = 0;

  /** @param listed full names; they are read by the first search */
  constructor(listed: Iterable<string>, limits: SearchLimits = usualLimits) {
    this.#listed = listed;
    this.#limits = limits;
  }

  /** Comparisons of all searches so far. */
  get comparisons(): number {
    return this.#comparisons;
  }

  /**
   * Near names of a full name, in the order of the list, `nearNamesLimit` at most; none for one that is too long.
   *
   * @throws KnownError MODEL_MALFORMED where a listed name or this one is no name
   */
  find(name: string): readonly string[] {
    if (name.length > longestAsked) return [];
    const { host, namespace, model } = parseModelName(name);
    const key = `${host}/${namespace}/${model}`;
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    this.#index ??= new NameIndex(this.#listed);
    const { names, comparisons } = this.#index.search([host, namespace, model], this.#limits);
    this.#comparisons += comparisons;
    this.#answers.set(key, names);
    return names;
  }
}

/** The first names of the list with the same host, namespace and model. */
interface SameModel {
  /** Place of the first of them in the list. */
  readonly place: number;
  readonly names: string[];
}

/** Names by host, namespace and model, and what each of these could be taken for. */
class NameIndex {
  readonly #parts = [new PartIndex(), new PartIndex(), new PartIndex()] as const;
  readonly #models = new Map<string, SameModel>();

  constructor(listed: Iterable<string>) {
    let place = 0;
    for (const full of listed) {
      const { host, namespace, model } = parseModelName(full);
      const key = `${host}/${namespace}/${model}`;
      const same = this.#models.get(key);
      if (same === undefined) this.#models.set(key, { place, names: [full] });
      else if (same.names.length < nearNamesLimit) same.names.push(full);
      this.#parts[0].add(host);
      this.#parts[1].add(namespace);
      this.#parts[2].add(model);
      place += 1;
    }
    for (const part of this.#parts) part.finish();
  }

  search(
    asked: readonly [string, string, string],
    limits: SearchLimits,
  ): { readonly names: readonly string[]; readonly comparisons: number } {
    const efforts = this.#parts.map(() => ({ left: limits.compared }));
    const [hosts = [], namespaces = [], models = []] = this.#parts.map((part, at) =>
      part.near(asked[at] ?? '', efforts[at] ?? { left: 0 }),
    );
    const compared = efforts.reduce((sum, { left }) => sum + limits.compared - left, 0);
    const lookUp = new Set<string>();
    for (const host of hosts)
      for (const namespace of namespaces)
        for (const model of models)
          if (lookUp.size < limits.lookedUp) lookUp.add(`${host}/${namespace}/${model}`);
    const found = [...lookUp]
      .filter((key) => key !== asked.join('/'))
      .flatMap((key) => this.#models.get(key) ?? []);
    const names = found.sort((a, b) => a.place - b.place).flatMap((same) => same.names);
    return { names: names.slice(0, nearNamesLimit), comparisons: compared + lookUp.size };
  }
}
