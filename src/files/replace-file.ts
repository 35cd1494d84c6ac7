import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fsyncSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { systemCode } from '../errors/index.ts';
import { makeDurable } from './durable.ts';
import { cannotSync } from './identity.ts';

/** Links in a row that are followed; as many as Linux follows. */
const linkLimit = 40;

/**
 * Replaces a file whole: temporary file beside it, fsync, rename, fsync of the directory. A crash at any line leaves
 * the old file or the new one. Of two writers the last one wins. A link stays a link: what it leads to is replaced.
 *
 * @throws system errors (EACCES, ENOSPC, EROFS)
 */
export function replaceFile(path: string, content: Uint8Array | string, mode: number): void {
  placeWith(behindLinks(path), mode, (fd) => writeFileSync(fd, content));
}

/** `replaceFile`, with what `fill` writes, and a link is itself replaced: for directories that others can write too. */
export function placeWith(target: string, mode: number, fill: (fd: number) => void): void {
  // Not named after the process: in a container that is always the same one, and a crash leaves its file behind.
  const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  const fd = openSync(temporary, 'wx+', mode);
  try {
    fill(fd);
    fsyncSync(fd);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  syncDirectory(dirname(target));
}

/** Where a path leads, also where nothing lies there yet. */
function behindLinks(path: string): string {
  let target = path;
  for (let followed = 0; followed < linkLimit; followed += 1) {
    const here = join(realpathSync.native(dirname(target)), basename(target));
    const next = linkAt(here);
    if (next === undefined) return here;
    target = resolve(dirname(here), next);
  }
  return path;
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** Makes renames and removals in a directory last, where the file system can: those of some media cannot. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    makeDurable(fd);
  } catch (error) {
    if (!cannotSync.has(systemCode(error) ?? '')) throw error;
  } finally {
    closeSync(fd);
  }
}
