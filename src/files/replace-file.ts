import { closeSync, constants, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

let serial = 0;

/**
 * Replaces a file whole: temporary file beside it, fsync, rename, fsync of the directory. A crash at any line leaves
 * the old file or the new one. Of two writers the last one wins.
 *
 * @throws system errors (EACCES, ENOSPC, EROFS)
 */
export function replaceFile(path: string, content: Uint8Array | string, mode: number): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  serial += 1;
  const temporary = `${path}.${process.pid}-${serial}.tmp`;
  let placed = false;
  const fd = openSync(temporary, 'wx', mode);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
    renameSync(temporary, path);
    placed = true;
  } finally {
    closeSync(fd);
    if (!placed) unlinkSync(temporary);
  }
  syncDirectory(dirname(path));
}

/** Makes renames and removals in a directory last. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
