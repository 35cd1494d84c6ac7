import type { LayerKind } from '../oci/index.ts';
import type { ModelRecord, Reference, References } from './model-records.ts';

/** Model names in one message. */
const namesShown = 5;

/** Which layer of which models a blob is: `the system layer of llama3.2:1b`; one model may call it other than another. */
export function whoseLayer(reference: Reference): string {
  const namesOf = new Map<LayerKind, Set<string>>();
  for (const { kind, model } of reference.uses) {
    const names = namesOf.get(kind);
    if (names === undefined) namesOf.set(kind, new Set([model.short]));
    else names.add(model.short);
  }
  return [...namesOf].map(([kind, names]) => layerOf(kind, [...names].sort())).join(' and ');
}

function layerOf(kind: LayerKind, names: readonly string[]): string {
  const more = names.length > namesShown ? ` and ${names.length - namesShown} more models` : '';
  const noun = kind === 'config' || kind === 'layer' ? kind : `${kind} layer`;
  return `the ${noun} of ${names.slice(0, namesShown).join(', ')}${more}`;
}

export const kindOf = (reference: Reference): LayerKind =>
  (reference.uses.find((use) => use.size !== undefined) ?? reference.uses[0])?.kind ?? 'layer';

/** The first model that is hit, by name. */
export function firstModel(reference: Reference): ModelRecord | undefined {
  let first: ModelRecord | undefined;
  for (const { model } of reference.uses) {
    if (first === undefined || model.full < first.full) first = model;
  }
  return first;
}

/** Names of all models that are hit, sorted. */
export const modelNames = (reference: Reference): string[] =>
  [...new Set(reference.uses.map(({ model }) => model.short))].sort();

type State = 'intact' | 'unhashed' | 'bad';

const stateOf = ({ intact, unhashed }: Reference): State =>
  intact ? 'intact' : unhashed ? 'unhashed' : 'bad';

/** How many layers of each kind a model has, by the state of their blobs. */
type Tally = Record<State, Map<LayerKind, number>>;

/**
 * What each model is made of, counted once for all messages: a manifest may name tens of thousands of layers, and all
 * of them may be hit. Made when the states are final.
 */
export class Anatomy {
  readonly #tallies = new Map<ModelRecord, Tally>();

  constructor(references: References) {
    for (const reference of references) {
      const state = stateOf(reference);
      for (const { model, kind } of reference.uses) add(this.#tallyOf(model)[state], kind, 1);
    }
  }

  /** What of the first model is still sound beside the blob that is hit, in one clause. */
  stillSound(hit: Reference): string {
    const model = firstModel(hit);
    if (model === undefined) return 'it has no other layer';
    const { intact, unhashed, bad } = this.#without(hit, model);
    const more = [...bad.values()].reduce((sum, count) => sum + count, 0);
    const clauses = [
      intact.size > 0 ? `intact: ${kinds(intact)}` : '',
      unhashed.size > 0 ? `not hashed in this run: ${kinds(unhashed)}` : '',
      more > 0 ? `${more} more not in order` : '',
    ].filter((clause) => clause !== '');
    return clauses.length === 0 ? 'it has no other layer' : clauses.join('; ');
  }

  #without(hit: Reference, model: ModelRecord): Tally {
    const tally = this.#tallyOf(model);
    const state = stateOf(hit);
    const rest = new Map(tally[state]);
    for (const use of hit.uses) if (use.model === model) add(rest, use.kind, -1);
    return { ...tally, [state]: rest };
  }

  #tallyOf(model: ModelRecord): Tally {
    const known = this.#tallies.get(model);
    if (known !== undefined) return known;
    const tally: Tally = { intact: new Map(), unhashed: new Map(), bad: new Map() };
    this.#tallies.set(model, tally);
    return tally;
  }
}

function add(counts: Map<LayerKind, number>, kind: LayerKind, more: number): void {
  const count = (counts.get(kind) ?? 0) + more;
  if (count === 0) counts.delete(kind);
  else counts.set(kind, count);
}

const kinds = (counts: ReadonlyMap<LayerKind, number>): string =>
  [...counts].map(([kind, count]) => (count === 1 ? kind : `${count} x ${kind}`)).join(', ');
