import { BoundedMap } from '../bounds/index.ts';

interface Failure {
  readonly sentence: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** Names of which failures are remembered. */
const remembered = 1000;

/**
 * Why models could not be had, for a while: who asks again hears the reason, and upstream is not asked by every client
 * anew, nor for every spelling of a name.
 */
export class FailureMemory {
  readonly #byName = new BoundedMap<string, Failure>(remembered);
  readonly #keepMs: number;
  readonly #now: () => Date;

  constructor(keepMs: number, now: () => Date) {
    this.#keepMs = keepMs;
    this.#now = now;
  }

  /** Names that are remembered now. */
  get size(): number {
    return this.#byName.size;
  }

  keep(name: string, sentence: string): void {
    this.#byName.set(name.toLowerCase(), { sentence, until: this.#now().getTime() + this.#keepMs });
  }

  /** The reason, and the seconds until it is tried again. */
  recall(name: string): { readonly sentence: string; readonly seconds: number } | undefined {
    const key = name.toLowerCase();
    const failure = this.#byName.get(key);
    const left = (failure?.until ?? 0) - this.#now().getTime();
    // More than it was kept for is left only where the clock was set back.
    if (failure !== undefined && left > 0 && left <= this.#keepMs)
      return { sentence: failure.sentence, seconds: Math.ceil(left / 1000) };
    this.#byName.delete(key);
    return undefined;
  }

  forget(name: string): void {
    this.#byName.delete(name.toLowerCase());
  }
}
