import type { LayerKind } from '../oci/index.ts';
import type { ModelRecord, Reference, References } from './model-records.ts';

/** Model names in one message. */
const namesShown = 5;

/** Which layer of which models a blob is: `the system layer of llama3.2:1b`. */
export function whoseLayer(reference: Reference): string {
  const kind = kindOf(reference);
  const names = [...new Set(reference.uses.map((use) => use.model.short))].sort();
  const more = names.length > namesShown ? ` and ${names.length - namesShown} more models` : '';
  const noun = kind === 'config' || kind === 'layer' ? kind : `${kind} layer`;
  return `the ${noun} of ${names.slice(0, namesShown).join(', ')}${more}`;
}

export const kindOf = (reference: Reference): LayerKind =>
  (reference.uses.find((use) => use.size !== undefined) ?? reference.uses[0])?.kind ?? 'layer';

/** The first model that is hit, by name. */
export function firstModel(reference: Reference): ModelRecord | undefined {
  const models = reference.uses.map((use) => use.model);
  return models.sort((a, b) => (a.full < b.full ? -1 : 1))[0];
}

/** What a model is made of, built once for all messages. */
export class Anatomy {
  readonly #parts = new Map<ModelRecord, { reference: Reference; kind: LayerKind }[]>();

  constructor(references: References) {
    for (const reference of references) {
      for (const use of reference.uses) {
        const parts = this.#parts.get(use.model) ?? [];
        parts.push({ reference, kind: use.kind });
        this.#parts.set(use.model, parts);
      }
    }
  }

  /** What of the first model is still sound beside the blob that is hit, in one clause. */
  stillSound(hit: Reference): string {
    const model = firstModel(hit);
    const others = (model === undefined ? [] : (this.#parts.get(model) ?? [])).filter(
      (p) => p.reference !== hit,
    );
    if (others.length === 0) return 'it has no other layer';
    const intact = others.filter((part) => part.reference.intact);
    const unhashed = others.filter((part) => part.reference.unhashed);
    const bad = others.length - intact.length - unhashed.length;
    const clauses = [
      intact.length > 0 ? `intact: ${kinds(intact)}` : '',
      unhashed.length > 0 ? `not hashed in this run: ${kinds(unhashed)}` : '',
      bad > 0 ? `${bad} more not in order` : '',
    ];
    return clauses.filter((clause) => clause !== '').join('; ');
  }
}

function kinds(parts: readonly { kind: LayerKind }[]): string {
  const counts = new Map<LayerKind, number>();
  for (const { kind } of parts) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => (count === 1 ? kind : `${count} x ${kind}`)).join(', ');
}
