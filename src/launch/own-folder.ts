import { fstatSync, mkdirSync } from 'node:fs';
import { basename } from 'node:path';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import { type Directory, type Place, textToRaw } from '../files/index.ts';

/**
 * A directory beside the store that nobody else can write: made, or taken when it was made by this user before. What
 * others could have put there (a link, a directory of their own) is refused.
 *
 * @param beside the place of the store
 * @param path of the directory, for messages; its last name is used
 * @throws KnownError START_REFUSED
 */
export function openOwnFolder(beside: Place, path: string, mode: number, uid: number | undefined): Directory {
  const name = textToRaw(basename(path));
  const refuse = (problem: string, cause?: unknown) =>
    new KnownError('START_REFUSED', { problem: `${path}: ${problem}` }, cause);
  try {
    mkdirSync(beside.at(name), { mode });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw refuse(describeCause(error), error);
  }
  let folder: Directory;
  try {
    folder = beside.openDirectory(name);
  } catch (error) {
    const code = systemCode(error);
    throw refuse(code === 'ENOTDIR' || code === 'ELOOP' ? 'it is no directory' : describeCause(error), error);
  }
  // What is open is looked at, not what lies there by now.
  const stat = fstatSync(folder.fd);
  const problem =
    uid !== undefined && stat.uid !== uid
      ? `it belongs to user ${stat.uid}, not to ${uid}`
      : (stat.mode & 0o022) === 0
        ? undefined
        : 'others can write into it';
  if (problem === undefined) return folder;
  folder[Symbol.dispose]();
  throw refuse(problem);
}

/** What went wrong beside the store, as the reason for which nothing is started. */
export function refusalOf(what: string, error: unknown): KnownError {
  if (error instanceof KnownError && ['START_REFUSED', 'CANCELLED'].includes(error.code)) return error;
  const problem =
    systemCode(error) === 'EXDEV'
      ? 'beside the store lies another file system; mount the directory above the store, not the store alone'
      : describeCause(error);
  return new KnownError('START_REFUSED', { problem: `${what}: ${problem}` }, error);
}
