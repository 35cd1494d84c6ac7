import { type AllowList, listSizeLimit, parseAllowList } from '../../src/allow-list/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { readIfThere, readUpTo } from '../../src/trust/index.ts';
import { whyUnread } from '../../src/verify/index.ts';

/** An allow-list as it lies in a file, whoever approved it. @throws KnownError LIST_UNREADABLE, LIST_MALFORMED */
export const readListFile = (path: string): AllowList => parseListFile(path, readListBytes(path));

/** The same, and nothing where there is no such file. */
export function readListIfThere(path: string): AllowList | undefined {
  let bytes: Buffer | undefined;
  try {
    bytes = readIfThere(path, listSizeLimit);
  } catch (error) {
    throw new KnownError('LIST_UNREADABLE', { path, problem: whyUnread(error) }, error);
  }
  return bytes === undefined ? undefined : parseListFile(path, bytes);
}

/** @throws KnownError LIST_UNREADABLE */
export function readListBytes(path: string): Buffer {
  try {
    return readUpTo(path, listSizeLimit);
  } catch (error) {
    throw new KnownError('LIST_UNREADABLE', { path, problem: whyUnread(error) }, error);
  }
}

/** Says which file is no list. @throws KnownError LIST_MALFORMED */
export function parseListFile(path: string, bytes: Uint8Array): AllowList {
  try {
    return parseAllowList(bytes);
  } catch (error) {
    throw new KnownError('LIST_MALFORMED', { problem: `${path}: ${whyUnread(error)}` }, error);
  }
}
