import type { Worker } from 'node:worker_threads';
import { describeCause, KnownError } from '../errors/index.ts';
import type { RunningAnswer, RunningTask, RunningWork } from './running-digest-worker.ts';
import { startWorker } from './start-worker.ts';

/** One thread that hashes a file as it grows. One question at a time. */
export class RunningThread {
  readonly #worker: Worker;
  #failure: unknown;
  #over = false;

  /** @param program what the thread runs: the worker beside this file by default */
  constructor(work: RunningWork, program: URL | undefined) {
    this.#worker = startWorker('running-digest-worker', program, { workerData: work });
    this.#worker.on('error', (error) => {
      this.#failure = error;
    });
    this.#worker.on('exit', () => {
      this.#over = true;
    });
    this.#worker.unref();
  }

  /**
   * @param expected bytes of the file that the question is about
   * @throws KnownError STREAM_TOO_SHORT, FILE_UNREADABLE, CANCELLED after `close`
   */
  async ask(task: RunningTask, expected: number): Promise<Uint8Array> {
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

  async close(): Promise<void> {
    this.#over = true;
    await this.#worker.terminate();
  }

  #whyItEnded(): KnownError {
    if (this.#failure === undefined) return new KnownError('CANCELLED');
    const problem = `a hashing thread died: ${describeCause(this.#failure)}`;
    return new KnownError('INTERNAL', { problem }, this.#failure);
  }
}
