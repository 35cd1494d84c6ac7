import { constants, openSync } from 'node:fs';
import type { LastLink } from './go-down.ts';
import { isCareful, Place } from './place.ts';

/**
 * Opens a file to write into it, by the rules of `Place`: root follows no link of another user, neither at the end of
 * the path nor above it.
 *
 * @param flags beside O_WRONLY
 * @throws KnownError FILE_UNWRITABLE, FILE_CHANGED; system errors
 */
export function openToWrite(path: string, last: LastLink, flags: number, mode: number): number {
  const wanted = constants.O_WRONLY | flags | (last === 'keep' ? constants.O_NOFOLLOW : 0);
  if (!isCareful()) return openSync(path, wanted, mode);
  using place = Place.open(path, last, true);
  return openSync(place.at(), place.isDescriptor ? wanted : wanted | constants.O_NOFOLLOW, mode);
}
