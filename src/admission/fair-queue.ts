import { KnownError } from '../errors/index.ts';

export interface QueueLimits {
  /** Jobs at work at once. */
  readonly running: number;
  /** Jobs that wait, over all owners. */
  readonly waiting: number;
  /** Jobs of one owner that wait. */
  readonly waitingEach: number;
}

/** A job that was taken. */
export interface QueuedJob<T> {
  /** Settles as the job does. */
  readonly done: Promise<T>;
  /** Somebody else wants the same: the job has a place in this owner's line too, where there is one, and runs when the first comes. */
  alsoFor(owner: string): void;
}

interface Waiting {
  readonly start: () => void;
  readonly owners: Set<string>;
}

/**
 * Runs jobs a few at a time, in turn over their owners: whoever asks for a hundred models does not keep the others
 * from theirs.
 */
export class FairQueue {
  readonly #limits: QueueLimits;
  /** In the order of their turns. */
  readonly #lines = new Map<string, Waiting[]>();
  readonly #waiting = new Set<Waiting>();
  #running = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Runs a job when its turn has come, and settles as it does. @throws KnownError QUEUE_FULL */
  async run<T>(owner: string, job: () => Promise<T>): Promise<T> {
    return this.enter([owner], job).done;
  }

  /**
   * Takes a job for those who want it: it waits in the line of each of them who has room.
   *
   * @throws KnownError QUEUE_FULL when none of them has
   */
  enter<T>(owners: readonly string[], job: () => Promise<T>): QueuedJob<T> {
    if (this.#running < this.#limits.running) {
      this.#running += 1;
      return { done: this.#work(job), alsoFor: () => {} };
    }
    const free = owners.filter((owner) => this.#hasRoom(owner));
    if (free.length === 0) throw new KnownError('QUEUE_FULL', { waiting: this.waiting });
    const { promise: turn, resolve: start } = Promise.withResolvers<void>();
    const waiting = { start, owners: new Set<string>() };
    this.#waiting.add(waiting);
    for (const owner of free) this.#stand(waiting, owner);
    return {
      done: turn.then(() => this.#work(job)),
      alsoFor: (owner) => {
        if (this.#waiting.has(waiting) && this.#linesUp(owner)) this.#stand(waiting, owner);
      },
    };
  }

  /**
   * Whether another job of this owner would be taken.
   *
   * @throws KnownError QUEUE_FULL
   */
  refuseWhenFull(owner: string): void {
    if (this.#running < this.#limits.running || this.#hasRoom(owner)) return;
    throw new KnownError('QUEUE_FULL', { waiting: this.waiting });
  }

  #hasRoom(owner: string): boolean {
    return this.waiting < this.#limits.waiting && this.#linesUp(owner);
  }

  #linesUp(owner: string): boolean {
    return (this.#lines.get(owner)?.length ?? 0) < this.#limits.waitingEach;
  }

  #stand(waiting: Waiting, owner: string): void {
    if (waiting.owners.has(owner)) return;
    waiting.owners.add(owner);
    const line = this.#lines.get(owner) ?? [];
    this.#lines.set(owner, line);
    line.push(waiting);
  }

  async #work<T>(job: () => Promise<T>): Promise<T> {
    try {
      return await job();
    } finally {
      this.#next();
    }
  }

  /** Hands the place on, so that `running` never falls and rises between. */
  #next(): void {
    const [first] = this.#lines;
    if (first === undefined) {
      this.#running -= 1;
      return;
    }
    const [owner, line] = first;
    const job = line[0];
    // Whoever had a turn stands at the end of the line.
    this.#lines.delete(owner);
    if (line.length > 1) this.#lines.set(owner, line);
    if (job === undefined) return;
    for (const other of job.owners) this.#leave(job, other);
    this.#waiting.delete(job);
    job.start();
  }

  #leave(job: Waiting, owner: string): void {
    const line = this.#lines.get(owner);
    const at = line?.indexOf(job) ?? -1;
    if (line === undefined || at === -1) return;
    line.splice(at, 1);
    if (line.length === 0) this.#lines.delete(owner);
  }
}
