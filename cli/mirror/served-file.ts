import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { KnownError, systemCode } from '../../src/errors/index.ts';
import { trustedBy, whoCanWrite } from '../../src/files/index.ts';

/**
 * Where somebody else can put a link in the place of a file, root hands on only what every user of this machine can read
 * anyway: else that user would have any file of this machine served.
 *
 * @param mode of the file that is open
 * @throws KnownError FILE_UNREADABLE
 */
export function assertServable(path: string, mode: number, uid = process.geteuid?.()): void {
  if (uid === 0 && (mode & 0o004) === 0 && whoCanWrite(path, trustedBy(uid)) !== undefined)
    throw new KnownError('FILE_UNREADABLE', {
      problem: `${path} is not for everybody, and somebody else can put another file in its place`,
    });
}

/**
 * Reads a file that is handed to whoever asks for it, where it may be; undefined where there is none.
 *
 * @param limit bytes
 * @throws system errors; KnownError FILE_UNREADABLE
 */
export function readServed(
  path: string,
  limit = Number.POSITIVE_INFINITY,
  uid = process.geteuid?.(),
): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new KnownError('FILE_UNREADABLE', { problem: 'it is not a regular file' });
    if (stat.size > limit)
      throw new KnownError('FILE_UNREADABLE', { problem: `it is larger than ${limit} bytes` });
    assertServable(path, stat.mode, uid);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
