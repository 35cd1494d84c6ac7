import { digitsOf, glance, isNear, lettersOf, shortestWord } from './look-alike.ts';

/** Distinct values of one part of all names that are indexed. */
const valuesLimit = 2 ** 20;

/** What is left of the work that a search may cost: one for each value that is compared. */
export interface Effort {
  left: number;
}

/**
 * Distinct values of one part of listed names (the host, the namespace, the model), found by what they look like. Two
 * values that could be taken for one another have a key in common: what they are at a glance, or their letters with one
 * of them left out (as SymSpell does it; a letter that is another, and two that are swapped, leave the same rest).
 */
export class PartIndex {
  readonly #values: string[] = [];
  readonly #known = new Set<string>();
  #entries = new Float64Array();
  #adding: number[] = [];

  add(value: string): void {
    if (this.#known.has(value) || this.#values.length >= valuesLimit) return;
    this.#known.add(value);
    const at = this.#values.push(value) - 1;
    for (const key of keysOf(value)) this.#adding.push(key * valuesLimit + at);
  }

  /** Nothing is added after this. */
  finish(): void {
    // A key of 32 bits and a place of 20: exact in a number, and sorted as one.
    this.#entries = new Float64Array(this.#adding).sort();
    this.#adding = [];
    this.#known.clear();
  }

  /** Values that are this one or could be taken for it, as many as the effort allows, the best keys first. */
  near(value: string, effort: Effort): string[] {
    const seen = new Set<number>();
    const found: string[] = [];
    for (const key of keysOf(value))
      for (const at of this.#at(key)) {
        if (seen.has(at)) continue;
        if (effort.left === 0) return found;
        effort.left -= 1;
        seen.add(at);
        const other = this.#values[at] ?? '';
        if (other === value || isNear(value, other)) found.push(other);
      }
    return found;
  }

  *#at(key: number): Generator<number> {
    const first = key * valuesLimit;
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle] ?? 0) < first) low = middle + 1;
      else high = middle;
    }
    for (; low < this.#entries.length; low += 1) {
      const at = (this.#entries[low] ?? 0) - first;
      if (at >= valuesLimit) return;
      yield at;
    }
  }
}

/** Numbers of 32 bits of which two near values have one in common; values that have one by chance are compared too. */
function keysOf(value: string): number[] {
  const letters = lettersOf(value);
  const keys = [hash(glance(value), start)];
  if (letters.length < shortestWord) return keys;
  const begun = hash(digitsOf(value), ~start);
  keys.push(hash(letters, begun));
  for (let at = 0; at < letters.length; at += 1)
    // Of two equal neighbours either leaves the same rest.
    if (letters[at] !== letters[at + 1]) keys.push(hash(letters, begun, at));
  return keys;
}

const start = 0x811c9dc5;

/** FNV-1a over the characters of a text, without the one at `skipped`. */
function hash(text: string, before: number, skipped = -1): number {
  let value = before;
  for (let at = 0; at < text.length; at += 1)
    if (at !== skipped) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
