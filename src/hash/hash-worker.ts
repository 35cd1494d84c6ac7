/** The thread: takes tasks one at a time, answers each. */
import { parentPort, workerData } from 'node:worker_threads';
import { describeCause, type ErrorCode, type Facts, KnownError } from '../errors/index.ts';
import { ControlView, type SharedControl } from './shared-control.ts';
import { type HashResult, type HashTask, runTask } from './tasks.ts';

export interface WorkerSetup {
  readonly control: SharedControl;
  readonly thread: number;
  readonly maxRate: number | undefined;
}

export type WorkerAnswer =
  | { readonly result: HashResult }
  | { readonly error: { readonly code: ErrorCode; readonly facts: Facts } };

const setup = workerData as WorkerSetup;
const context = {
  control: new ControlView(setup.control),
  thread: setup.thread,
  maxRate: setup.maxRate,
  now: () => process.hrtime.bigint(),
};

function answer(task: HashTask): WorkerAnswer {
  try {
    return { result: runTask(task, context) };
  } catch (error) {
    if (error instanceof KnownError) return { error: { code: error.code, facts: error.facts } };
    return { error: { code: 'FILE_UNREADABLE', facts: { problem: describeCause(error) } } };
  }
}

parentPort?.on('message', (task: HashTask) => parentPort?.postMessage(answer(task)));
