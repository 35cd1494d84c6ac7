/** A thread behind a running digest: reads the next bytes of a file when it is told that they are there. */
import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { describeCause } from '../errors/index.ts';
import { readLength } from './read-through.ts';

/** Bytes from where the last extent ended up to here; or, at the end, the digest of all. */
export type RunningTask = { readonly kind: 'extend'; readonly end: number } | { readonly kind: 'finish' };

/** What a thread hashes: everything so far, each extent by itself, or both, where there is one thread. */
export interface RunningWork {
  readonly fd: number;
  readonly of: 'whole' | 'extents' | 'both';
}

export type RunningAnswer =
  /** 32 raw bytes: the SHA-256 of the extent, or of everything; of an extent that is not hashed by itself, of nothing. */
  { readonly sha256: Uint8Array } | { readonly short: number } | { readonly problem: string };

const { fd, of } = workerData as RunningWork;
const whole = createHash('sha256');
const buffer = new Uint8Array(readLength);
let position = 0;

function extend(end: number): RunningAnswer {
  const extent = createHash('sha256');
  while (position < end) {
    const got = readSync(fd, buffer, 0, Math.min(buffer.length, end - position), position);
    if (got === 0) return { short: position };
    const part = buffer.subarray(0, got);
    if (of !== 'extents') whole.update(part);
    if (of !== 'whole') extent.update(part);
    position += got;
  }
  return { sha256: extent.digest() };
}

function answer(task: RunningTask): RunningAnswer {
  try {
    return task.kind === 'extend' ? extend(task.end) : { sha256: whole.digest() };
  } catch (error) {
    return { problem: describeCause(error) };
  }
}

parentPort?.on('message', (task: RunningTask) => parentPort?.postMessage(answer(task)));
