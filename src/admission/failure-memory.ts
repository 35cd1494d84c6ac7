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
  readonly #kept = new Map<string, Kept<T>>();
  readonly #limit: number;
  readonly #keepMs: number;
  readonly #now: () => Date;

  /**
   * @param limit as many are remembered; of more, the oldest is forgotten
   * @param keepMs for so long, in milliseconds
   */
  constructor(limit: number, keepMs: number, now: () => Date) {
    this.#limit = limit;
    this.#keepMs = keepMs;
    this.#now = now;
  }

  keep(key: string, what: T): void {
    this.#kept.delete(key);
    const oldest = this.#kept.keys().next().value;
    if (this.#kept.size >= this.#limit && oldest !== undefined) this.#kept.delete(oldest);
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
