import { statfs } from 'node:fs/promises';
import { KnownError } from '../errors/index.ts';

/** Bytes that are left free for the database and the logs beside the blobs. */
const margin = 64 * 1024 * 1024;

export interface SpaceLimits {
  /** Bytes that all blobs may take; undefined means what the disk has. */
  readonly maxData: number | undefined;
  /** Bytes that are free in a directory; the file system's answer by default. */
  readonly freeIn?: (path: string) => Promise<number>;
}

/** Space that a download will need; given back as it is used, and when it is over. */
export interface Reservation {
  used(bytes: number): void;
  release(): void;
}

const freeOf = async (path: string): Promise<number> => {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
};

/** Reserves space before a download, so that two of them do not count on the same bytes. */
export class FreeSpace {
  readonly #path: string;
  readonly #limits: SpaceLimits;
  /** Bytes of published blobs. */
  readonly #stored: () => Promise<number>;
  #reserved = 0;

  constructor(path: string, limits: SpaceLimits, stored: () => Promise<number>) {
    this.#path = path;
    this.#limits = limits;
    this.#stored = stored;
  }

  /** @throws KnownError STORAGE_FULL */
  async reserve(bytes: number): Promise<Reservation> {
    // Counted before anything is awaited: of two that come at once, each sees the other.
    this.#reserved += bytes;
    let left = bytes;
    const giveBack = (some: number) => {
      const back = Math.min(some, left);
      left -= back;
      this.#reserved -= back;
    };
    try {
      const { maxData, freeIn = freeOf } = this.#limits;
      const free = (await freeIn(this.#path)) - margin;
      const allowed = maxData === undefined ? free : Math.min(free, maxData - (await this.#stored()));
      const others = this.#reserved - bytes;
      if (bytes + others > allowed)
        throw new KnownError('STORAGE_FULL', { needed: bytes, free: Math.max(0, allowed - others) });
    } catch (error) {
      giveBack(left);
      throw error;
    }
    return { used: giveBack, release: () => giveBack(left) };
  }
}
