import { type Io, resolveProgress, showProgress } from '../terminal/index.ts';

/** Bytes of a transfer, shown from the first to the last: done, rate, time left. */
export class TransferProgress {
  readonly #io: Io;
  readonly #kind: ReturnType<typeof resolveProgress>;
  #done = 0;
  #total = 0;
  #stop: (() => void) | undefined;

  constructor(kind: 'auto' | 'bar' | 'plain' | 'none' | undefined, quiet: boolean, io: Io) {
    this.#io = io;
    this.#kind = resolveProgress(kind ?? 'auto', quiet, io);
  }

  readonly update = (done: number, total: number): void => {
    this.#done = done;
    this.#total = total;
    this.#stop ??= showProgress(
      this.#kind,
      { verb: 'copied', blobs: 1, bytes: this.#total, bytesDone: () => this.#done, activities: () => [] },
      this.#io,
    );
  };

  /** Leaves a clean line behind. */
  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}
