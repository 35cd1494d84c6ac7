/** The thread: takes tasks one at a time, answers each. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ErrorCode, Facts } from '../errors/index.ts';
import { readContext, type WorkerSetup } from './read-through.ts';
import { asKnown, type HashResult, type HashTask, runTask } from './tasks.ts';

export type WorkerAnswer =
  | { readonly result: HashResult }
  | { readonly error: { readonly code: ErrorCode; readonly facts: Facts } };

const context = readContext(workerData as WorkerSetup);

function answer(task: HashTask): WorkerAnswer {
  try {
    return { result: runTask(task, context) };
  } catch (error) {
    const { code, facts } = asKnown(error);
    return { error: { code, facts } };
  }
}

parentPort?.on('message', (task: HashTask) => parentPort?.postMessage(answer(task)));
