import { setImmediate, setTimeout } from 'node:timers/promises';
import { flushByHandle, fsyncIsDenied } from '../files/index.ts';
import type { Activity, TaskRunner } from './hash-thread.ts';
import { readContext, type WorkerSetup } from './read-through.ts';
import { ControlView } from './shared-control.ts';
import { asKnown, type HashResult, type HashTask, taskSteps } from './tasks.ts';

/** While it waits for the allowed rate it looks this often whether the work was cancelled. */
const lookMs = 50;

/** Takes the place of a thread where there may be none: works in the thread of the program, a read at a time. */
export class InlineThread implements TaskRunner {
  readonly alive = true;
  readonly #setup: WorkerSetup;
  readonly #control: ControlView;
  #label: string | undefined;
  #countedBefore = 0;
  #work: Promise<unknown> = Promise.resolve();

  constructor(setup: WorkerSetup) {
    this.#setup = setup;
    this.#control = new ControlView(setup.control);
  }

  get idle(): boolean {
    return this.#label === undefined;
  }

  get activity(): Activity | undefined {
    if (this.#label === undefined) return undefined;
    return { label: this.#label, bytes: this.bytesRead - this.#countedBefore };
  }

  get bytesRead(): number {
    return this.#control.counted(this.#setup.thread);
  }

  run(task: HashTask, label: string): Promise<HashResult> {
    const work = this.#run(task, label);
    this.#work = work;
    return work;
  }

  /** What runs still reads from a file that the caller closes next. */
  async end(): Promise<void> {
    await Promise.allSettled([this.#work]);
  }

  async #run(task: HashTask, label: string): Promise<HashResult> {
    this.#label = label;
    this.#countedBefore = this.bytesRead;
    try {
      if (fsyncIsDenied()) await flushByHandle(task.fd);
      const steps = taskSteps(task, { ...readContext(this.#setup), whenDenied: 'go-on' });
      for (;;) {
        const step = steps.next();
        if (step.done === true) return step.value;
        await this.#wait(step.value);
      }
    } catch (error) {
      throw asKnown(error);
    } finally {
      this.#label = undefined;
    }
  }

  /** Everything else of the program has its turn meanwhile. A cancel ends a long wait. */
  async #wait(ms: number): Promise<void> {
    if (ms === 0) return void (await setImmediate());
    const until = performance.now() + ms;
    for (let left = ms; left > 0 && !this.#control.cancelled; left = until - performance.now())
      await setTimeout(Math.min(left, lookMs));
  }
}
