import { closeSync, constants, openSync, readSync } from 'node:fs';
import { KnownError } from '../errors/index.ts';
import type { WhenDenied } from '../files/index.ts';
import { ControlView, type SharedControl } from './shared-control.ts';

/** Bytes in one read. */
export const readLength = 512 * 1024;

/** The part of the WebAssembly interface that is used here; Node's types leave it to the DOM's. */
declare const WebAssembly: {
  readonly Memory: new (descriptor: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
};

/** Memory pages are 64 KiB here; O_DIRECT wants an aligned buffer, and only this kind is aligned in Node. */
const wasmPage = 64 * 1024;

/** What reading needs from outside. */
export interface ReadContext {
  readonly control: ControlView;
  readonly thread: number;
  /** Bytes a second over all threads; undefined means as fast as it goes. */
  readonly maxRate: number | undefined;
  readonly now: () => bigint;
  /** Where Node.js denies fsync by number, only a file that was flushed by a handle may be read. */
  readonly whenDenied?: WhenDenied;
}

/** What one thread of a pool is given. */
export interface WorkerSetup {
  readonly control: SharedControl;
  /** The number under which it counts what it reads. */
  readonly thread: number;
  readonly maxRate: number | undefined;
}

export const readContext = ({ control, thread, maxRate }: WorkerSetup): ReadContext => ({
  control: new ControlView(control),
  thread,
  maxRate,
  now: () => process.hrtime.bigint(),
});

export function pageAlignedBuffer(): Uint8Array {
  return new Uint8Array(new WebAssembly.Memory({ initial: readLength / wasmPage }).buffer);
}

/**
 * Work in steps of one read. Each says for how many milliseconds the next one must wait for the allowed rate, 0 for
 * not at all: a thread of its own sleeps, the thread of the program lets signals and progress have their turn.
 */
export type Steps<T> = Generator<number, T>;

/** Takes all the steps, one after the other. */
export function toEnd<T>(steps: Steps<T>, sleep: (ms: number) => void): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (step.value > 0) sleep(step.value);
  }
}

/**
 * Reads `[from, to)` of an open file in order and hands each part to `take`. Gives the number of bytes read: fewer
 * when the file ends before. A file that grows meanwhile is not followed, so that every reading ends. The buffer is
 * free between two steps.
 *
 * @throws KnownError CANCELLED; system errors (EIO)
 */
export function* readThrough(
  fd: number,
  buffer: Uint8Array,
  context: ReadContext,
  take: (part: Uint8Array, position: number) => void,
  from: number,
  to: number,
): Steps<number> {
  let position = from;
  while (position < to) {
    const want = Math.min(buffer.length, to - position);
    if (context.maxRate !== undefined) {
      const waitNs = context.control.reserve(want, context.maxRate, context.now);
      if (waitNs > 0n) yield Number(waitNs) / 1e6;
    }
    if (context.control.cancelled) throw new KnownError('CANCELLED');
    // Asked for is always a whole buffer: O_DIRECT refuses odd lengths, at the end of a file too.
    const got = Math.min(readSync(fd, buffer, 0, buffer.length, position), want);
    if (got === 0) break;
    take(got === buffer.length ? buffer : buffer.subarray(0, got), position);
    position += got;
    context.control.count(context.thread, got);
    yield 0;
  }
  return position - from;
}

/**
 * Opens the same file again so that reading goes past the page cache, or undefined where that cannot be had: another
 * system than Linux, no /proc, or a file system without O_DIRECT (probed by reading once).
 */
export function openUncached(fd: number, buffer: Uint8Array): number | undefined {
  if (process.platform !== 'linux') return undefined;
  let direct: number | undefined;
  try {
    direct = openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_DIRECT | constants.O_NONBLOCK);
    readSync(direct, buffer, 0, buffer.length, 0);
    return direct;
  } catch {
    if (direct !== undefined) closeSync(direct);
    return undefined;
  }
}
