import { KnownError } from '../errors/index.ts';

export interface QueueLimits {
  /** Jobs at work at once. */
  readonly running: number;
  /** Jobs that wait, over all owners. */
  readonly waiting: number;
  /** Jobs of one owner that wait. */
  readonly waitingEach: number;
}

interface Waiting {
  readonly start: () => void;
}

/**
 * Runs jobs a few at a time, in turn over their owners: whoever asks for a hundred models does not keep the others
 * from theirs.
 */
export class FairQueue {
  readonly #limits: QueueLimits;
  /** In the order of their turns. */
  readonly #waiting = new Map<string, Waiting[]>();
  #running = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    let count = 0;
    for (const jobs of this.#waiting.values()) count += jobs.length;
    return count;
  }

  /**
   * Runs a job when its turn has come, and settles as it does.
   *
   * @throws KnownError QUEUE_FULL at once, when too many wait already
   */
  async run<T>(owner: string, job: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limits.running) await this.#turn(owner);
    else this.#running += 1;
    try {
      return await job();
    } finally {
      this.#next();
    }
  }

  /**
   * Whether another job of this owner would be taken.
   *
   * @throws KnownError QUEUE_FULL
   */
  refuseWhenFull(owner: string): void {
    if (this.#running < this.#limits.running) return;
    const own = this.#waiting.get(owner)?.length ?? 0;
    if (this.waiting >= this.#limits.waiting || own >= this.#limits.waitingEach)
      throw new KnownError('QUEUE_FULL', { waiting: this.waiting });
  }

  #turn(owner: string): Promise<void> {
    this.refuseWhenFull(owner);
    const own = this.#waiting.get(owner) ?? [];
    return new Promise((resolve) => {
      own.push({ start: resolve });
      this.#waiting.set(owner, own);
    });
  }

  /** Hands the place on, so that `running` never falls and rises between. */
  #next(): void {
    for (const [owner, jobs] of this.#waiting) {
      const job = jobs.shift();
      // Whoever had a turn stands at the end of the line.
      this.#waiting.delete(owner);
      if (jobs.length > 0) this.#waiting.set(owner, jobs);
      if (job === undefined) continue;
      job.start();
      return;
    }
    this.#running -= 1;
  }
}
