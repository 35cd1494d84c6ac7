import { accessSync, constants, readFileSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KnownError, systemCode } from '../errors/index.ts';
import { whoCanSwap } from '../files/index.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
  /** Whose other groups it has; undefined for a number that passwd(5) does not know: none then. */
  readonly name?: string | undefined;
}

/** The group of nobody (nogroup). */
const nobodysGroup = 65_534;

/**
 * A user with the groups that are his. The group of his directory may be one that he is not in: root lends it to nobody.
 *
 * @param group of the store's directory; taken for a number without a line in passwd where it is the same number
 */
function userOf(uid: number, group: number, passwd: string): Owner {
  for (const line of passwd.split('\n')) {
    const [name, , id, gid = ''] = line.split(':');
    if (id === `${uid}` && /^[0-9]+$/.test(gid)) return { uid, gid: Number(gid), name };
  }
  return { uid, gid: group === uid ? group : nobodysGroup };
}

function readPasswd(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    // Images with nothing but one program have none.
    return '';
  }
}

/**
 * Who has to write into a store: undefined where this process is that user already.
 *
 * Root becomes the owner before the first write, so that nobody who can write into the store leads root's writes
 * elsewhere with a link; a store of root's own that others can change is refused, and so is one that somebody beside root
 * and its owner can put something else in the place of. Another user writes into a store of
 * his own, or into one that belongs to a group of his (setgid and writable for it: the fsGroup of a pod).
 *
 * @param uid of this process; undefined where there is no such thing
 * @param passwd text of `/etc/passwd`
 * @throws KnownError REPAIR_REFUSED
 */
export function ownerToBecome(
  store: string,
  uid: number | undefined,
  passwd = readPasswd(),
): Owner | undefined {
  if (uid === undefined) return undefined;
  const parts = [store, ...['manifests', 'blobs'].map((name) => join(store, name))].flatMap((path) => {
    const stat = statIfThere(path);
    return stat === undefined ? [] : [{ path, stat }];
  });
  const [first] = parts;
  if (first === undefined) throw new KnownError('REPAIR_REFUSED', { problem: `${store} is not there` });
  const owner = { uid: first.stat.uid, gid: first.stat.gid };
  if (uid !== 0 && parts.every(({ path, stat }) => stat.uid === uid || isOfOwnGroup(path, stat)))
    return undefined;
  const other = parts.find(({ stat }) => stat.uid !== owner.uid);
  if (other !== undefined)
    throw new KnownError('REPAIR_REFUSED', {
      problem: `${store} belongs to user ${owner.uid}, and ${other.path} to user ${other.stat.uid}`,
    });
  if (owner.uid !== uid && uid !== 0)
    throw new KnownError('REPAIR_REFUSED', {
      problem: `${store} belongs to user ${owner.uid}, and this is user ${uid}`,
    });
  if (owner.uid !== 0 && owner.uid === uid) return undefined;
  if (owner.uid !== 0) {
    refuseSwappable(
      parts.map(({ path }) => path),
      owner.uid,
    );
    return userOf(owner.uid, owner.gid, passwd);
  }
  const open = [{ path: dirname(store), stat: statSync(dirname(store)) }, ...parts].find(
    // Sticky (/tmp) is no better: another user's file could lie where one is to be made.
    ({ stat }) => (stat.mode & 0o022) !== 0,
  );
  if (open !== undefined)
    throw new KnownError('REPAIR_REFUSED', {
      problem: `${open.path} can be changed by other users, and root does not write there`,
    });
  refuseSwappable(
    parts.map(({ path }) => path),
    owner.uid,
  );
  return undefined;
}

/** Whoever can put another store in the place of this one would lead the writes elsewhere. @throws KnownError REPAIR_REFUSED */
function refuseSwappable(paths: readonly string[], owner: number): void {
  for (const path of paths) {
    const swappable = whoCanSwap(path, { users: [0, owner] });
    if (swappable === undefined) continue;
    const problem = `${swappable.who} can write ${swappable.path}, and could put something else in the place of ${path}; root does not write there`;
    throw new KnownError('REPAIR_REFUSED', { problem });
  }
}

function isOfOwnGroup(path: string, { mode }: Stats): boolean {
  if ((mode & 0o2020) !== 0o2020) return false;
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function statIfThere(path: string) {
  try {
    return statSync(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
