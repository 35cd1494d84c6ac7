import { extname } from 'node:path';
import { getAsset, isSea } from 'node:sea';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** The programs of threads: files of this folder, and bundles beside the bundle of the program. */
export type WorkerName = 'hash-worker' | 'running-digest-worker';

/**
 * Starts a thread. The single executable has no files beside it: there the bundle is an asset, and is run from its
 * text.
 *
 * @param program another file to run; the worker of that name by default
 */
export function startWorker(name: WorkerName, program: URL | undefined, options: WorkerOptions): Worker {
  // Nothing that was said to the program on its command line is for the threads.
  const own = { ...options, execArgv: [] };
  if (program === undefined && isSea())
    return new Worker(getAsset(`${name}.cjs`, 'utf8'), { ...own, eval: true });
  return new Worker(program ?? new URL(`./${name}${extname(import.meta.url)}`, import.meta.url), own);
}
