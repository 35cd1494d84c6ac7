import type { Worker } from 'node:worker_threads';
import { describeCause, KnownError } from '../errors/index.ts';
import type { WorkerAnswer } from './hash-worker.ts';
import type { WorkerSetup } from './read-through.ts';
import { ControlView } from './shared-control.ts';
import { startWorker } from './start-worker.ts';
import type { HashResult, HashTask } from './tasks.ts';

/** What one thread is at: the label the caller gave, and bytes read of it so far. */
export interface Activity {
  readonly label: string;
  readonly bytes: number;
}

/** What takes one task at a time. */
export interface TaskRunner {
  /** Whether it can be given a task. */
  readonly idle: boolean;
  readonly alive: boolean;
  readonly activity: Activity | undefined;
  /** Bytes read under this number since the pool began. */
  readonly bytesRead: number;
  /** @throws KnownError what the task throws; CANCELLED when the pool was closed; INTERNAL when the thread died */
  run(task: HashTask, label: string): Promise<HashResult>;
  end(): Promise<void>;
}

/** One thread: takes one task at a time. It keeps the process alive only while it is at one. */
export class HashThread implements TaskRunner {
  readonly #worker: Worker;
  readonly #control: ControlView;
  readonly #number: number;
  #label: string | undefined;
  #countedBefore = 0;
  #alive = true;
  #failure: unknown;

  /** @param program what the thread runs: undefined means the worker of this folder */
  constructor(program: URL | undefined, setup: WorkerSetup) {
    this.#control = new ControlView(setup.control);
    this.#number = setup.thread;
    this.#worker = startWorker('hash-worker', program, {
      workerData: setup,
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
    });
    this.#worker.on('error', (error) => {
      this.#failure = error;
    });
    this.#worker.on('exit', () => {
      this.#alive = false;
    });
    this.#worker.unref();
  }

  get idle(): boolean {
    return this.#alive && this.#label === undefined;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get activity(): Activity | undefined {
    if (this.#label === undefined) return undefined;
    return { label: this.#label, bytes: this.bytesRead - this.#countedBefore };
  }

  get bytesRead(): number {
    return this.#control.counted(this.#number);
  }

  async run(task: HashTask, label: string): Promise<HashResult> {
    this.#label = label;
    this.#countedBefore = this.bytesRead;
    this.#worker.ref();
    try {
      const answer = await this.#ask(task);
      if ('result' in answer) return answer.result;
      throw new KnownError(answer.error.code, answer.error.facts);
    } finally {
      this.#worker.unref();
      this.#label = undefined;
    }
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  /** The answer, or the exit: an error is always followed by one, and only then is the file let go of. */
  #ask(task: HashTask): Promise<WorkerAnswer> {
    return new Promise((resolve, reject) => {
      const onMessage = (answer: WorkerAnswer) => {
        this.#worker.off('exit', onExit);
        resolve(answer);
      };
      const onExit = () => {
        this.#worker.off('message', onMessage);
        reject(this.#whyItEnded());
      };
      this.#worker.once('message', onMessage).once('exit', onExit);
      this.#worker.postMessage(task);
    });
  }

  #whyItEnded(): KnownError {
    if (this.#control.cancelled) return new KnownError('CANCELLED');
    const why = this.#failure === undefined ? 'it ended by itself' : describeCause(this.#failure);
    return new KnownError('INTERNAL', { problem: `a hashing thread died: ${why}` }, this.#failure);
  }
}
