import { lstatSync, mkdirSync } from 'node:fs';
import { describeCause, KnownError } from '../errors/index.ts';
import { Directory, textToRaw } from '../files/index.ts';

/**
 * A directory beside the store that nobody else can write: made, or taken when it was made by this user before. What
 * others could have put there (a link, a directory of their own) is refused.
 *
 * @throws KnownError START_REFUSED
 */
export function openOwnFolder(path: string, mode: number, uid: number | undefined): Directory {
  const refuse = (problem: string, cause?: unknown) =>
    new KnownError('START_REFUSED', { problem: `${path}: ${problem}` }, cause);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
      throw refuse(describeCause(error), error);
    }
  }
  const stat = lstatSync(path);
  if (!stat.isDirectory()) throw refuse('it is no directory');
  if (uid !== undefined && stat.uid !== uid) throw refuse(`it belongs to user ${stat.uid}, not to ${uid}`);
  if ((stat.mode & 0o022) !== 0) throw refuse('others can write into it');
  return Directory.open(textToRaw(path));
}
