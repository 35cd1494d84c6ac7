import { type Io, resolveProgress, showProgress } from '../terminal/index.ts';

/** Bytes of a transfer, shown from the first to the last: done, rate, time left. */
export class TransferProgress {
  readonly #io: Io;
  readonly #kind: ReturnType<typeof resolveProgress>;
  #done = 0;
  #total = 0;
  #isReading = false;
  #stop: (() => void) | undefined;

  constructor(kind: 'auto' | 'bar' | 'plain' | 'none' | undefined, quiet: boolean, io: Io) {
    this.#io = io;
    this.#kind = resolveProgress(kind ?? 'auto', quiet, io);
  }

  readonly update = (done: number, total: number): void => {
    this.#done = done;
    this.#total = total;
    if (this.#isReading) this.stop();
    this.#stop ??= showProgress(
      this.#kind,
      { verb: 'copied', blobs: 1, bytes: this.#total, bytesDone: () => this.#done, activities: () => [] },
      this.#io,
    );
  };

  /** What is here is hashed before anything is copied. @param bytesDone that were read since this process began */
  hashing(total: number, bytesDone: () => number): void {
    const before = bytesDone();
    this.stop();
    this.#isReading = true;
    this.#stop = showProgress(
      this.#kind,
      { verb: 'hashed', blobs: 1, bytes: total, bytesDone: () => bytesDone() - before, activities: () => [] },
      this.#io,
    );
  }

  /** Leaves a clean line behind. */
  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#isReading = false;
  }
}
