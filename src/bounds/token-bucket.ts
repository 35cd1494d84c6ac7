/** How much of something is let through. */
export interface BucketLimits {
  /** At once, after a time in which nothing came. */
  readonly atOnce: number;
  /** A minute, for as long as it comes. */
  readonly aMinute: number;
}

const minute = 60_000;

/** Lets a bounded number of things through: what is written down because a stranger asked goes through one of these. */
export class TokenBucket {
  readonly #limits: BucketLimits;
  readonly #now: () => Date;
  #tokens: number;
  /** Milliseconds since 1970. */
  #filledAt: number;

  constructor(limits: BucketLimits, now: () => Date) {
    this.#limits = limits;
    this.#now = now;
    this.#tokens = limits.atOnce;
    this.#filledAt = now().getTime();
  }

  /** Whether one more is let through. A clock that is set back gives nothing, and takes nothing away. */
  take(): boolean {
    const now = this.#now().getTime();
    const { atOnce, aMinute } = this.#limits;
    const passed = Math.max(0, now - this.#filledAt);
    this.#tokens = Math.min(atOnce, this.#tokens + (passed * aMinute) / minute);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
