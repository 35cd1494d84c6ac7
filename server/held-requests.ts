import { KnownError } from '../src/errors/index.ts';
import { type ShareLimits, Shares } from '../src/inbound/index.ts';

/** Requests that wait for bytes which are not verified yet. They own no buffers, and each address has a share of them. */
export class HeldRequests {
  readonly #shares: Shares;

  /** @param limits Ollama asks for 16 parts of a blob at once */
  constructor(limits: ShareLimits) {
    this.#shares = new Shares(limits);
  }

  get count(): number {
    return this.#shares.taken;
  }

  /** @throws KnownError TOO_MANY_HELD, and what `wait` throws */
  async while<T>(address: string, wait: () => Promise<T>): Promise<T> {
    const leave = this.#shares.take(address);
    if (leave === undefined) throw new KnownError('TOO_MANY_HELD', { held: this.#shares.taken });
    try {
      return await wait();
    } finally {
      leave();
    }
  }
}
