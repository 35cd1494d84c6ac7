import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeCause, KnownError, systemCode } from '../../src/errors/index.ts';
import {
  makeFolders,
  type Swappable,
  type Trusted,
  trustedBy,
  whoCanSwap,
  whoCanWrite,
} from '../../src/files/index.ts';

/** Directories of the data whose entries are looked at one by one. */
const inside = ['.', 'state', 'blobs/sha256'];

/**
 * Makes the data directory of a mirror, and holds it and what it is made of (blobs, catalog, keys, records) against who
 * else could change them. Root uses none whose path somebody else can change.
 *
 * @throws KnownError DATA_UNUSABLE
 */
export function openData(path: string, uid: number | undefined): void {
  const refuse = (problem: string, cause?: unknown) =>
    new KnownError('DATA_UNUSABLE', { path, problem }, cause);
  const trusted = trustedBy(uid);
  const judged = () => (uid === undefined ? undefined : whoCanSwap(path, trusted));
  const refuseForRoot = (swappable: Swappable | undefined) => {
    if (swappable === undefined || uid !== 0) return swappable;
    throw refuse(
      `${swappable.who} can write ${swappable.path}, and could put another directory in its place`,
    );
  };
  refuseForRoot(judged());
  try {
    makeFolders(path, 0o700);
  } catch (error) {
    throw refuse(describeCause(error), error);
  }
  const swappable = refuseForRoot(judged());
  const part = uid === undefined ? undefined : changeablePart(path, trusted, swappable);
  if (part !== undefined) throw refuse(`${part.who} can write ${part.path}`);
}

/** The first part that somebody else can write, for another reason than that of all of it. */
function changeablePart(path: string, trusted: Trusted, all: Swappable | undefined): Swappable | undefined {
  for (const folder of inside) {
    for (const name of namesIn(join(path, folder))) {
      const part = whoCanWrite(join(path, folder, name), trusted);
      if (part !== undefined && part.path !== all?.path) return part;
    }
  }
  return undefined;
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return [];
    throw new KnownError('DATA_UNUSABLE', { path, problem: describeCause(error) }, error);
  }
}
