import type { Worker } from 'node:worker_threads';
import { describeCause, KnownError } from '../errors/index.ts';
import { type Digest, digestFromBytes } from '../oci/index.ts';
import { type ChunkTable, checkPieceSize, parseChunkTable } from './chunk-table.ts';
import type { RunningAnswer, RunningTask } from './running-digest-worker.ts';
import { startWorker } from './start-worker.ts';

export interface RunningDigestOptions {
  /** Bytes in every piece but the last. */
  readonly pieceSize: number;
  /** What the thread runs: the worker beside this file by default. */
  readonly program?: URL;
}

/**
 * The digest and the chunk table of a file that is still being written: each piece is read back from the file, in
 * order, as soon as it is there. What counts is what lies in the file, not what was handed to the system to write.
 * One thread of its own, which keeps the process alive only while it reads.
 */
export class RunningDigest {
  readonly #worker: Worker;
  readonly #pieceSize: number;
  readonly #pieces: Uint8Array[] = [];
  #end = 0;
  #failure: unknown;
  #over = false;

  /** @param fd open for reading; the caller closes it, after `close` */
  constructor(fd: number, { pieceSize, program }: RunningDigestOptions) {
    this.#pieceSize = checkPieceSize(pieceSize);
    this.#worker = startWorker('running-digest-worker', program, { workerData: { fd } });
    this.#worker.on('error', (error) => {
      this.#failure = error;
    });
    this.#worker.on('exit', () => {
      this.#over = true;
    });
    this.#worker.unref();
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
    const sha256 = await this.#ask({ kind: 'extend', end }, end);
    this.#pieces.push(sha256);
    this.#end = end;
    return sha256;
  }

  /** The verdict on everything that was taken. Final. */
  async finish(): Promise<{ readonly digest: Digest; readonly table: ChunkTable }> {
    const digest = digestFromBytes(await this.#ask({ kind: 'finish' }, this.#end));
    const table = parseChunkTable(Buffer.concat(this.#pieces), this.#end, this.#pieceSize);
    return { digest, table };
  }

  async close(): Promise<void> {
    this.#over = true;
    await this.#worker.terminate();
  }

  async #ask(task: RunningTask, expected: number): Promise<Uint8Array> {
    if (this.#over) throw this.#whyItEnded();
    this.#worker.ref();
    const answer = await new Promise<RunningAnswer>((resolve, reject) => {
      const onMessage = (message: RunningAnswer) => {
        this.#worker.off('exit', onExit);
        resolve(message);
      };
      const onExit = () => {
        this.#worker.off('message', onMessage);
        reject(this.#whyItEnded());
      };
      this.#worker.once('message', onMessage).once('exit', onExit);
      this.#worker.postMessage(task);
    });
    this.#worker.unref();
    if ('sha256' in answer) return answer.sha256;
    if ('short' in answer) throw new KnownError('STREAM_TOO_SHORT', { actual: answer.short, expected });
    throw new KnownError('FILE_UNREADABLE', { problem: answer.problem });
  }

  #whyItEnded(): KnownError {
    if (this.#failure === undefined) return new KnownError('CANCELLED');
    const problem = `a hashing thread died: ${describeCause(this.#failure)}`;
    return new KnownError('INTERNAL', { problem }, this.#failure);
  }
}
