import { fstatSync, readSync } from 'node:fs';
import { assertSame, identityOf, settle } from './identity.ts';

/**
 * What a small file is read for. `bytes`: what was read is judged, and nothing else. `state`: the file's state stands for
 * its bytes later, so what a memory mapping dirtied is flushed first; that asks the disk, and costs as much as the rest.
 */
export type ReadFor = 'bytes' | 'state';

/**
 * Reads a whole small file through an open descriptor, unchanged from the first byte to the last.
 *
 * @param limit bytes; a larger file gives `undefined` and is not read
 * @param use by default the bytes
 * @throws KnownError FILE_CHANGED; system errors (EIO)
 */
export function readSmall(fd: number, limit: number, use: ReadFor = 'bytes'): Buffer | undefined {
  const stat = fstatSync(fd, { bigint: true });
  if (stat.size > limit) return undefined;
  const before = use === 'state' ? settle(fd, 'go-on') : identityOf(stat);
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
