import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Place } from './place.ts';

/**
 * Replaces a file whole: temporary file beside it, fsync, rename, fsync of the directory. A crash at any line leaves
 * the old file or the new one. Of two writers the last one wins. A link stays a link: what it leads to is replaced;
 * root follows none that another user made.
 *
 * @throws system errors (EACCES, ENOSPC, EROFS); KnownError FILE_UNWRITABLE where root would follow a link of somebody else
 */
export function replaceFile(path: string, content: Uint8Array | string, mode: number): void {
  using place = Place.open(path, 'follow');
  fill(place, mode, (fd) => writeFileSync(fd, content));
}

/** `replaceFile`, with what `write` writes, and a link is itself replaced: for directories that others can write too. */
export function placeWith(target: string, mode: number, write: (fd: number) => void): void {
  using place = Place.open(target, 'keep');
  fill(place, mode, write);
}

/** Removes a file, by the same way; one that is not there is none to remove. @throws as `replaceFile` */
export function removeFile(path: string): void {
  using place = Place.open(path, 'keep');
  rmSync(place.at(), { force: true });
  place.sync();
}

function fill(place: Place, mode: number, write: (fd: number) => void): void {
  // Not named after the process: in a container that is always the same one, and a crash leaves its file behind.
  const temporary = place.at(`${place.name}.${randomBytes(6).toString('hex')}.tmp`);
  const fd = openSync(temporary, 'wx+', mode);
  try {
    write(fd);
    fsyncSync(fd);
    renameSync(temporary, place.at());
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  place.sync();
}
