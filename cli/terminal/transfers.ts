import type { Io } from './io.ts';
import { type ProgressKind, type ShownProgress, showProgress } from './progress.ts';

interface Transfer {
  bytes: number;
  readonly total: number;
}

/** Blobs that are being fetched, shown on stderr from the first byte to the last. */
export class Transfers {
  readonly #kind: ProgressKind;
  readonly #io: Io;
  readonly #byDigest = new Map<string, Transfer>();
  #stop: (() => void) | undefined;

  constructor(kind: ProgressKind, io: Io) {
    this.#kind = kind;
    this.#io = io;
  }

  /** So many bytes of a blob are here, of so many. */
  arrived(digest: string, bytes: number, total: number): void {
    const known = this.#byDigest.get(digest);
    if (known === undefined) this.#byDigest.set(digest, { bytes, total });
    else known.bytes = bytes;
    this.#stop ??= showProgress(this.#kind, this.#progress(), this.#io);
  }

  /** Leaves a clean line behind, for what is printed next. */
  pause(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#byDigest.clear();
  }

  #progress(): ShownProgress {
    const all = this.#byDigest;
    const sum = (of: (transfer: Transfer) => number) => [...all.values()].reduce((n, one) => n + of(one), 0);
    return {
      verb: 'fetched',
      get blobs() {
        return all.size;
      },
      get bytes() {
        return sum(({ total }) => total);
      },
      bytesDone: () => sum(({ bytes }) => bytes),
      activities: () =>
        [...all].flatMap(([label, { bytes, total }]) => (bytes < total ? [{ label, bytes, total }] : [])),
    };
  }
}
