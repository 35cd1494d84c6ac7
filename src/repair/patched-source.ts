import { read } from 'node:fs';
import { promisify } from 'node:util';
import { KnownError } from '../errors/index.ts';
import type { PieceSource, Range } from '../upstream/index.ts';

const readAt = promisify(read);

/**
 * A blob of which some pieces are here already, in a file that is damaged elsewhere: those are read from it, and the
 * others come from where blobs come from. Whoever takes them verifies all of them.
 */
export class PatchedSource implements PieceSource {
  readonly #fd: number;
  readonly #isSound: (range: Range) => boolean;
  readonly #source: PieceSource;

  constructor(fd: number, isSound: (range: Range) => boolean, source: PieceSource) {
    this.#fd = fd;
    this.#isSound = isSound;
    this.#source = source;
  }

  async pieces(
    wanted: Iterable<Range>,
    take: (range: Range, bytes: Buffer) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const ranges = [...wanted];
    const ended = new AbortController();
    const both = AbortSignal.any([signal, ended.signal]);
    const here = async () => {
      for (const range of ranges.filter(this.#isSound)) {
        both.throwIfAborted();
        await take(range, await this.#read(range));
      }
    };
    const missing = ranges.filter((range) => !this.#isSound(range));
    try {
      await Promise.all([here(), missing.length > 0 ? this.#source.pieces(missing, take, both) : undefined]);
    } finally {
      ended.abort();
    }
  }

  async #read({ start, end }: Range): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(end - start);
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await readAt(this.#fd, bytes, done, bytes.length - done, start + done);
      if (bytesRead === 0)
        throw new KnownError('FILE_CHANGED', { problem: 'it became shorter while it was read' });
      done += bytesRead;
    }
    return bytes;
  }
}
