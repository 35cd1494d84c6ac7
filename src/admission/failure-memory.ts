import { BoundedMap } from '../bounds/index.ts';

interface Kept<T> {
  readonly what: T;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/**
 * What came of asking upstream, for a while: who asks again hears the same, and upstream is not asked by every client
 * anew. A key says all that the answer depends on, so that nobody hears what came of another question.
 */
export class FailureMemory<T> {
  readonly #kept: BoundedMap<string, Kept<T>>;
  readonly #keepMs: number;
  readonly #now: () => Date;

  /**
   * @param limit as many are remembered; of more, the one that was used longest ago is forgotten
   * @param keepMs for so long, in milliseconds
   */
  constructor(limit: number, keepMs: number, now: () => Date) {
    this.#kept = new BoundedMap(limit);
    this.#keepMs = keepMs;
    this.#now = now;
  }

  /** Keys that are remembered now. */
  get size(): number {
    return this.#kept.size;
  }

  keep(key: string, what: T): void {
    this.#kept.set(key, { what, until: this.#now().getTime() + this.#keepMs });
  }

  /** What is remembered, and the seconds until it is asked again. */
  recall(key: string): { readonly what: T; readonly seconds: number } | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    const left = kept.until - this.#now().getTime();
    // A clock that was set back does not make it last longer.
    if (left > 0 && left <= this.#keepMs) return { what: kept.what, seconds: Math.ceil(left / 1000) };
    this.#kept.delete(key);
    return undefined;
  }
}
