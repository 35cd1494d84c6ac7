import { type Digest, digestFromBytes } from '../oci/index.ts';
import { type ChunkTable, checkPieceSize, parseChunkTable } from './chunk-table.ts';
import { RunningThread } from './running-thread.ts';

export interface RunningDigestOptions {
  /** Bytes in every piece but the last. */
  readonly pieceSize: number;
  /** What the thread runs: the worker beside this file by default. */
  readonly program?: URL;
  /** 1 by default; 2 are worth their start for a large file. */
  readonly threads?: 1 | 2;
}

/**
 * The digest and the chunk table of a file that is still being written: each piece is read back from the file, in
 * order, as soon as it is there. What counts is what lies in the file, not what was handed to the system to write.
 * Threads of its own, which keep the process alive only while they read: with two of them, one hashes the whole and the
 * other the pieces, in half the time.
 */
export class RunningDigest {
  readonly #whole: RunningThread;
  readonly #extents: RunningThread;
  readonly #pieceSize: number;
  readonly #pieces: Uint8Array[] = [];
  #end = 0;

  /** @param fd open for reading; the caller closes it, after `close` */
  constructor(fd: number, { pieceSize, program, threads = 1 }: RunningDigestOptions) {
    this.#pieceSize = checkPieceSize(pieceSize);
    this.#whole = new RunningThread({ fd, of: threads === 1 ? 'both' : 'whole' }, program);
    this.#extents = threads === 1 ? this.#whole : new RunningThread({ fd, of: 'extents' }, program);
  }

  /** Bytes that are part of the digest so far. */
  get end(): number {
    return this.#end;
  }

  /**
   * Takes the next piece, whose bytes lie in the file up to `end`, and gives its SHA-256 (32 raw bytes). One call at a
   * time.
   *
   * @throws KnownError STREAM_TOO_SHORT where the file ends before, FILE_UNREADABLE, CANCELLED after `close`
   */
  async extend(end: number): Promise<Uint8Array> {
    const task = { kind: 'extend', end } as const;
    const both = this.#extents === this.#whole ? [this.#whole] : [this.#whole, this.#extents];
    const answers = await Promise.all(both.map((thread) => thread.ask(task, end)));
    const sha256 = answers.at(-1) ?? new Uint8Array();
    this.#pieces.push(sha256);
    this.#end = end;
    return sha256;
  }

  /** The verdict on everything that was taken. Final. */
  async finish(): Promise<{ readonly digest: Digest; readonly table: ChunkTable }> {
    const digest = digestFromBytes(await this.#whole.ask({ kind: 'finish' }, this.#end));
    const table = parseChunkTable(Buffer.concat(this.#pieces), this.#end, this.#pieceSize);
    return { digest, table };
  }

  async close(): Promise<void> {
    await Promise.all([this.#whole.close(), this.#extents.close()]);
  }
}
