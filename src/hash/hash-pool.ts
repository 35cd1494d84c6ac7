import pLimit from 'p-limit';
import { KnownError } from '../errors/index.ts';
import { assertSame, flushByHandle, fsyncIsDenied, settle } from '../files/index.ts';
import { type Digest, digestFromBytes } from '../oci/index.ts';
import { type ChunkTable, checkPieceSize, parseChunkTable } from './chunk-table.ts';
import { type Activity, HashThread, type TaskRunner } from './hash-thread.ts';
import { InlineThread } from './inline-thread.ts';
import { ControlView, makeControl, type SharedControl } from './shared-control.ts';
import type { AgainResult, HashResult, HashTask, PiecesResult, WholeResult } from './tasks.ts';

export interface HashPoolOptions {
  /** Threads, started when they are first needed. 0 means none: the work is done in the thread of the caller. */
  readonly threads: number;
  /** Bytes a second over all threads; undefined means as fast as it goes. */
  readonly maxRate?: number | undefined;
  /** What the threads run: the worker beside this file by default. */
  readonly program?: URL;
}

export interface WholeDigest {
  readonly digest: Digest;
  /** Bytes that were hashed. */
  readonly size: number;
  readonly table: ChunkTable | undefined;
}

export interface SecondReading extends Omit<AgainResult, 'kind' | 'sha256'> {
  readonly digest: Digest;
}

/**
 * Threads that turn open files into digests. Each blob goes through one descriptor, opened by the caller, who also
 * closes it. Never more tasks than threads are handed out; callers queue in p-limit, so feed it with `eachBounded`.
 */
export class HashPool {
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #options: HashPoolOptions;
  readonly #control: SharedControl;
  readonly #view: ControlView;
  readonly #threads: TaskRunner[] = [];

  constructor(options: HashPoolOptions) {
    this.#options = options;
    this.#limit = pLimit(Math.max(1, options.threads));
    this.#control = makeControl(Math.max(1, options.threads));
    this.#view = new ControlView(this.#control);
  }

  /**
   * The SHA-256 of a whole file that stays the same while it is read, and its chunk table in the same pass.
   *
   * @throws KnownError FILE_CHANGED, FILE_UNREADABLE, CANCELLED
   */
  async digest(fd: number, label: string, pieceSize?: number): Promise<WholeDigest> {
    const task: HashTask = pieceSize === undefined ? { kind: 'whole', fd } : { kind: 'whole', fd, pieceSize };
    if (pieceSize !== undefined) checkPieceSize(pieceSize);
    const result = (await this.#run(task, label)) as WholeResult;
    const table =
      result.table === undefined ? undefined : parseChunkTable(result.table, result.size, pieceSize);
    return { digest: digestFromBytes(result.sha256), size: result.size, table };
  }

  /** Reads a file again, past the page cache where the system allows it, and looks for zeroed extents. Errors as `digest`. */
  async again(fd: number, label: string): Promise<SecondReading> {
    const { kind: _, sha256, ...rest } = (await this.#run({ kind: 'again', fd }, label)) as AgainResult;
    return { ...rest, digest: digestFromBytes(sha256) };
  }

  /**
   * Holds one file against its chunk table, on all threads at once. Gives the numbers of the wrong pieces (1,000 at
   * most, in order): none means that every piece is right and the size too.
   *
   * @throws KnownError STREAM_TOO_SHORT or STREAM_TRAILING when the size differs; otherwise as `digest`
   */
  async verifyPieces(fd: number, label: string, table: ChunkTable): Promise<number[]> {
    const inline = this.#options.threads === 0;
    if (inline && fsyncIsDenied()) await flushByHandle(fd);
    const before = settle(fd, inline ? 'go-on' : 'refuse');
    const [actual, expected] = [Number(before.size), table.size];
    if (actual < expected) throw new KnownError('STREAM_TOO_SHORT', { actual, expected });
    if (actual > expected) throw new KnownError('STREAM_TRAILING', { expected });
    const next = new Int32Array(new SharedArrayBuffer(4));
    const shared = new Uint8Array(new SharedArrayBuffer(table.bytes.length));
    shared.set(table.bytes);
    const { size, pieceSize } = table;
    const task: HashTask = { kind: 'pieces', fd, size, pieceSize, expected: shared, next };
    const threads = Math.max(1, Math.min(this.#options.threads, table.count));
    const results = await Promise.allSettled(Array.from({ length: threads }, () => this.#run(task, label)));
    const wrong: number[] = [];
    for (const result of results) {
      if (result.status === 'rejected') throw result.reason;
      wrong.push(...(result.value as PiecesResult).wrong);
    }
    assertSame(fd, before, 'while it was read');
    return wrong.sort((a, b) => a - b).slice(0, 1000);
  }

  /** Bytes read since the start, second readings included. */
  get bytesRead(): number {
    return this.#threads.reduce((sum, thread) => sum + thread.bytesRead, 0);
  }

  /** What the threads are at, now. */
  activities(): Activity[] {
    return this.#threads.flatMap((thread) => thread.activity ?? []);
  }

  /** Makes every task, running or queued, end with CANCELLED, within one read. Final. */
  cancel(): void {
    this.#view.cancel();
  }

  async close(): Promise<void> {
    this.cancel();
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }

  #run(task: HashTask, label: string): Promise<HashResult> {
    return this.#limit(() => {
      if (this.#view.cancelled) throw new KnownError('CANCELLED');
      return this.#freeThread().run(task, label);
    });
  }

  /** One that waits, else a new one in the place of one that died, else one more: never more than were asked for. */
  #freeThread(): TaskRunner {
    const idle = this.#threads.find((thread) => thread.idle);
    if (idle !== undefined) return idle;
    const dead = this.#threads.findIndex((thread) => !thread.alive);
    const number = dead === -1 ? this.#threads.length : dead;
    const { program, maxRate, threads } = this.#options;
    const setup = { control: this.#control, thread: number, maxRate };
    const thread = threads === 0 ? new InlineThread(setup) : new HashThread(program, setup);
    this.#threads[number] = thread;
    return thread;
  }
}
