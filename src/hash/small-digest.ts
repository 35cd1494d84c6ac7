import { createHash } from 'node:crypto';
import { read } from 'node:fs';
import { promisify } from 'node:util';
import { KnownError } from '../errors/index.ts';
import { type Digest, digestFromBytes } from '../oci/index.ts';
import { type ChunkTable, parseChunkTable } from './chunk-table.ts';
import { RunningDigest, type RunningDigestOptions } from './running-digest.ts';

const readAt = promisify(read);

/** Files up to this size are hashed where they are asked for: a thread takes longer to start than they to be read. */
const smallSize = 1024 * 1024;

/** From here on a second thread is started in less time than it saves. */
const largeSize = 64 * 1024 * 1024;

/** What turns the pieces of a file, in order, into its digest and its chunk table. */
export type PieceDigests = Pick<RunningDigest, 'extend' | 'finish' | 'close'>;

/** Hashes a file that is being written: a small one here, another one on a thread of its own. */
export function pieceDigests(fd: number, size: number, options: RunningDigestOptions): PieceDigests {
  if (size <= smallSize) return new SmallDigest(fd, options.pieceSize);
  return new RunningDigest(fd, { ...options, threads: size > largeSize ? 2 : 1 });
}

/** The same as `RunningDigest`, without a thread, for a file of one piece. */
class SmallDigest implements PieceDigests {
  readonly #fd: number;
  readonly #pieceSize: number;
  #whole: Buffer = createHash('sha256').digest();
  #end = 0;

  constructor(fd: number, pieceSize: number) {
    this.#fd = fd;
    this.#pieceSize = pieceSize;
  }

  async extend(end: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafe(end);
    for (let done = 0; done < end; ) {
      const { bytesRead } = await readAt(this.#fd, bytes, done, end - done, done);
      if (bytesRead === 0) throw new KnownError('STREAM_TOO_SHORT', { actual: done, expected: end });
      done += bytesRead;
    }
    this.#end = end;
    this.#whole = createHash('sha256').update(bytes).digest();
    return this.#whole;
  }

  async finish(): Promise<{ readonly digest: Digest; readonly table: ChunkTable }> {
    const table = parseChunkTable(
      this.#end === 0 ? Buffer.alloc(0) : this.#whole,
      this.#end,
      this.#pieceSize,
    );
    return { digest: digestFromBytes(this.#whole), table };
  }

  async close(): Promise<void> {}
}
