import { type BigIntStats, lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { KnownError, systemCode } from '../errors/index.ts';
import type { Directory } from './directory.ts';
import { difference, identityOf } from './identity.ts';
import { type RawName, rawToText } from './raw-name.ts';

/** Links in a row that are followed; as many as Linux follows. */
export const linkLimit = 40;

/** Where a path leads, also where nothing lies there yet; of links in a circle the path itself. */
export function behindLinks(path: string): string {
  let target = path;
  for (let followed = 0; followed < linkLimit; followed += 1) {
    const here = join(realpathSync.native(dirname(target)), basename(target));
    const next = targetOf(here);
    if (next === undefined) return here;
    target = resolve(dirname(here), next);
  }
  return path;
}

function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/**
 * What a link in an open directory leads to; undefined for what is no link, and for what is not there.
 *
 * @throws KnownError FILE_UNWRITABLE where a user other than root made it, FILE_CHANGED where it was swapped meanwhile
 */
export function linkOfRoot(folder: Directory, name: RawName): RawName | undefined {
  const path = folder.reach(name);
  let before: BigIntStats;
  try {
    before = lstatSync(path, { bigint: true });
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  if (!before.isSymbolicLink()) return undefined;
  const target = readlinkSync(path, { encoding: 'latin1' });
  const field = difference(identityOf(before), identityOf(lstatSync(path, { bigint: true })));
  if (field !== undefined) throw new KnownError('FILE_CHANGED', { problem: `its ${field} moved` });
  // Whoever owns the root of all paths is the root of outside, in a user namespace.
  if (before.uid === 0n || before.uid === lstatSync('/', { bigint: true }).uid) return target;
  throw new KnownError('FILE_UNWRITABLE', {
    path: rawToText(folder.rawPathOf(name)),
    problem: `it is a link that user ${before.uid} made, and root follows no link of another user`,
  });
}
