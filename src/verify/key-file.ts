import { KnownError } from '../errors/index.ts';
import { keySizeLimit, type PublicKey, parsePublicKey, readUpTo } from '../trust/index.ts';
import { whyUnread } from './why-unread.ts';

/** The text of a key file, public or private. @throws KnownError KEY_UNREADABLE */
export function readKeyFile(path: string): string {
  try {
    return readUpTo(path, keySizeLimit).toString('utf8');
  } catch (error) {
    throw new KnownError('KEY_UNREADABLE', { path, problem: whyUnread(error) }, error);
  }
}

/** @throws KnownError KEY_UNREADABLE, KEY_IS_PRIVATE, KEY_UNUSABLE */
export const readPublicKeyFile = (path: string): PublicKey => parsePublicKey(readKeyFile(path));
