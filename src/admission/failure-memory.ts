interface Failure {
  readonly sentence: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** Names of which failures are remembered. */
const remembered = 1000;

/**
 * Why models could not be had, for a while: who asks again hears the reason, and upstream is not asked by every client
 * anew.
 */
export class FailureMemory {
  readonly #byName = new Map<string, Failure>();
  readonly #keepMs: number;
  readonly #now: () => Date;

  constructor(keepMs: number, now: () => Date) {
    this.#keepMs = keepMs;
    this.#now = now;
  }

  keep(name: string, sentence: string): void {
    this.#byName.delete(name);
    const oldest = this.#byName.keys().next().value;
    if (this.#byName.size >= remembered && oldest !== undefined) this.#byName.delete(oldest);
    this.#byName.set(name, { sentence, until: this.#now().getTime() + this.#keepMs });
  }

  /** The reason, and the seconds until it is tried again. */
  recall(name: string): { readonly sentence: string; readonly seconds: number } | undefined {
    const failure = this.#byName.get(name);
    const left = (failure?.until ?? 0) - this.#now().getTime();
    if (failure !== undefined && left > 0)
      return { sentence: failure.sentence, seconds: Math.ceil(left / 1000) };
    this.#byName.delete(name);
    return undefined;
  }

  forget(name: string): void {
    this.#byName.delete(name);
  }
}
