import { KnownError } from '../src/errors/index.ts';

export interface HeldLimits {
  /** Requests that are held at once, over all clients. */
  readonly all: number;
  /** Requests of one address. Ollama asks for 16 parts of a blob at once. */
  readonly each: number;
}

/** Requests that wait for bytes which are not verified yet. They own no buffers, and are counted. */
export class HeldRequests {
  readonly #limits: HeldLimits;
  readonly #byAddress = new Map<string, number>();
  #all = 0;

  constructor(limits: HeldLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#all;
  }

  /** @throws KnownError TOO_MANY_HELD, and what `wait` throws */
  async while<T>(address: string, wait: () => Promise<T>): Promise<T> {
    const own = this.#byAddress.get(address) ?? 0;
    if (this.#all >= this.#limits.all || own >= this.#limits.each)
      throw new KnownError('TOO_MANY_HELD', { held: this.#all });
    this.#all += 1;
    this.#byAddress.set(address, own + 1);
    try {
      return await wait();
    } finally {
      this.#all -= 1;
      const left = (this.#byAddress.get(address) ?? 1) - 1;
      if (left === 0) this.#byAddress.delete(address);
      else this.#byAddress.set(address, left);
    }
  }
}
