import { fstatSync, readSync } from 'node:fs';
import { assertSame, settle } from './identity.ts';

/**
 * Reads a whole small file through an open descriptor, unchanged from the first byte to the last.
 *
 * @param limit bytes; a larger file gives `undefined` and is not read
 * @throws KnownError FILE_CHANGED; system errors (EIO)
 */
export function readSmall(fd: number, limit: number): Buffer | undefined {
  if (fstatSync(fd).size > limit) return undefined;
  const before = settle(fd, 'go-on');
  const buffer = Buffer.alloc(Math.min(Number(before.size), limit) + 1);
  let filled = 0;
  while (filled < buffer.length) {
    const got = readSync(fd, buffer, filled, buffer.length - filled, filled);
    if (got === 0) break;
    filled += got;
  }
  assertSame(fd, before, 'while it was read');
  return filled > limit ? undefined : buffer.subarray(0, filled);
}
