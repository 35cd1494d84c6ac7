/** Nonces that are remembered at once, and those of one client. */
const limit = 10_000;
const limitOfOne = 1000;

/** A nonce that nobody came back with for so long is forgotten, in milliseconds. */
const lifetimeMs = 5 * 60_000;

interface Nonce {
  readonly client: string;
  readonly made: number;
  seen: boolean;
}

/** Tells the first request of a tensor client for an address from the second, which is the one that wants the bytes. */
export class TransferNonces {
  readonly #random: () => string;
  readonly #now: () => Date;
  readonly #nonces = new Map<string, Nonce>();
  /** By client, the oldest first: who asks for many makes room by own ones. */
  readonly #ofOne = new Map<string, Set<string>>();

  /** @param random gives a text that goes into a query as it is */
  constructor(random: () => string, now: () => Date) {
    this.#random = random;
    this.#now = now;
  }

  /** @param client whose share of them it takes */
  make(client: string): string {
    const nonce = this.#random();
    const now = this.#now().getTime();
    for (const [old, { made }] of this.#nonces) {
      if (now - made <= lifetimeMs) break;
      this.#forget(old);
    }
    const own = this.#ofOne.get(client)?.values().next().value;
    const mustGo = (this.#ofOne.get(client)?.size ?? 0) >= limitOfOne || this.#nonces.size >= limit;
    const oldest = own ?? this.#nonces.keys().next().value;
    if (mustGo && oldest !== undefined) this.#forget(oldest);
    this.#nonces.set(nonce, { client, made: now, seen: false });
    this.#ofOne.set(client, (this.#ofOne.get(client) ?? new Set()).add(nonce));
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

  #forget(nonce: string): void {
    const client = this.#nonces.get(nonce)?.client ?? '';
    const own = this.#ofOne.get(client);
    this.#nonces.delete(nonce);
    own?.delete(nonce);
    if (own?.size === 0) this.#ofOne.delete(client);
  }
}
