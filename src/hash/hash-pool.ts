import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import pLimit from 'p-limit';
import { KnownError } from '../errors/index.ts';
import { assertSame, settle } from '../files/index.ts';
import { type Digest, digestFromBytes } from '../oci/index.ts';
import { type ChunkTable, checkPieceSize, parseChunkTable } from './chunk-table.ts';
import type { WorkerAnswer, WorkerSetup } from './hash-worker.ts';
import { ControlView, makeControl, type SharedControl } from './shared-control.ts';
import type { AgainResult, HashResult, HashTask, PiecesResult, WholeResult } from './tasks.ts';

export interface HashPoolOptions {
  /** Threads, started when they are first needed. */
  readonly threads: number;
  /** Bytes a second over all threads; undefined means as fast as it goes. */
  readonly maxRate?: number | undefined;
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

/** What one thread is at: the label the caller gave, and bytes read of it so far. */
export interface Activity {
  readonly label: string;
  readonly bytes: number;
}

interface Thread {
  readonly worker: Worker;
  readonly number: number;
  label: string | undefined;
  countedBefore: number;
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
  readonly #threads: Thread[] = [];
  readonly #idle: Thread[] = [];

  constructor(options: HashPoolOptions) {
    this.#options = options;
    this.#limit = pLimit(options.threads);
    this.#control = makeControl(options.threads);
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
    const before = settle(fd);
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
    return this.#threads.reduce((sum, thread) => sum + this.#view.counted(thread.number), 0);
  }

  /** What the threads are at, now. */
  activities(): Activity[] {
    const active: Activity[] = [];
    for (const thread of this.#threads) {
      if (thread.label === undefined) continue;
      active.push({ label: thread.label, bytes: this.#view.counted(thread.number) - thread.countedBefore });
    }
    return active;
  }

  /** Makes every task, running or queued, end with CANCELLED, within one read. Final. */
  cancel(): void {
    this.#view.cancel();
  }

  async close(): Promise<void> {
    this.cancel();
    await Promise.all(this.#threads.map((thread) => thread.worker.terminate()));
  }

  #run(task: HashTask, label: string): Promise<HashResult> {
    return this.#limit(async () => {
      if (this.#view.cancelled) throw new KnownError('CANCELLED');
      const thread = this.#idle.pop() ?? this.#start();
      thread.label = label;
      thread.countedBefore = this.#view.counted(thread.number);
      try {
        return await ask(thread.worker, task);
      } finally {
        thread.label = undefined;
        this.#idle.push(thread);
      }
    });
  }

  #start(): Thread {
    const number = this.#threads.length;
    const setup: WorkerSetup = { control: this.#control, thread: number, maxRate: this.#options.maxRate };
    const file = new URL(`./hash-worker${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(file, {
      workerData: setup,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
    });
    worker.unref();
    const thread: Thread = { worker, number, label: undefined, countedBefore: 0 };
    this.#threads.push(thread);
    return thread;
  }
}

function ask(worker: Worker, task: HashTask): Promise<HashResult> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void) => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      worker.unref();
      action();
    };
    const onMessage = (answer: WorkerAnswer) =>
      settle(() => {
        if ('result' in answer) resolve(answer.result);
        else reject(new KnownError(answer.error.code, answer.error.facts));
      });
    const onError = (error: unknown) =>
      settle(() => reject(new KnownError('INTERNAL', { problem: 'a hashing thread failed' }, error)));
    const onExit = () => settle(() => reject(new KnownError('CANCELLED')));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.ref();
    worker.postMessage(task);
  });
}
