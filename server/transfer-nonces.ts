/** Nonces that are remembered at once. */
const limit = 10_000;

/** A nonce that nobody came back with for so long is forgotten, in milliseconds. */
const lifetimeMs = 5 * 60_000;

/** Tells the first request of a tensor client for an address from the second, which is the one that wants the bytes. */
export class TransferNonces {
  readonly #random: () => string;
  readonly #now: () => Date;
  /** When it was made, and whether it was seen. */
  readonly #nonces = new Map<string, { readonly made: number; seen: boolean }>();

  /** @param random gives a text that goes into a query as it is */
  constructor(random: () => string, now: () => Date) {
    this.#random = random;
    this.#now = now;
  }

  make(): string {
    const nonce = this.#random();
    const now = this.#now().getTime();
    for (const [old, { made }] of this.#nonces) {
      if (now - made <= lifetimeMs && this.#nonces.size < limit) break;
      this.#nonces.delete(old);
    }
    this.#nonces.set(nonce, { made: now, seen: false });
    return nonce;
  }

  /** The first request with this nonce; it counts from now on as seen. */
  isFirst(nonce: string | undefined): boolean {
    const known = nonce === undefined ? undefined : this.#nonces.get(nonce);
    if (known === undefined || known.seen) return false;
    known.seen = true;
    return true;
  }

  /** A later one, which wants the bytes; it may be repeated. */
  isSecond(nonce: string | undefined): boolean {
    return nonce !== undefined && this.#nonces.get(nonce)?.seen === true;
  }
}
