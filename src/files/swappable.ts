import { accessSync, constants, lstatSync, readlinkSync, type Stats } from 'node:fs';
import { systemCode } from '../errors/index.ts';
import { makeFolders } from './place.ts';
import { type RawName, rawToBytes, rawToText, textToRaw } from './raw-name.ts';

/** Who may change a path without anybody being misled. Root always may, and so may the owner of `/`. */
export interface Trusted {
  /** Numeric users. */
  readonly users: readonly number[];
  /** A group that has no other member: the one that many systems make for each user, with the user's own number. */
  readonly group?: number | undefined;
}

/** What lets a user who is not trusted put something else in the place of a path. */
export interface Swappable {
  /** The directory, or the file itself, that this user can change; links resolved. */
  readonly path: string;
  /** `user 1001`, `group 50` or `every user of this machine`. */
  readonly who: string;
}

/** As many links as Linux follows. */
const linkLimit = 40;

/** Root and the user who runs, with the group that is named after them; of root no group counts. */
export const trustedBy = (uid: number | undefined): Trusted =>
  uid === undefined || uid === 0 ? { users: [0] } : { users: [0, uid], group: uid };

/**
 * Who beside the trusted can put something else in the place of a path, from the first directory on: each directory
 * belongs to a trusted user and nobody else may write it, unless it is sticky and the entry in it belongs to a trusted
 * user; each link on the way is resolved and judged the same. What is written on a medium that is mounted read-only
 * cannot be written here, whatever the mode of its directories says (Kubernetes mounts them as 0777).
 *
 * What is true of every directory down to one that is trusted stays true: nobody can move what was judged. A path that
 * cannot be looked at, or ends before its last name, is judged as far as it is there.
 *
 * @returns the first such directory or entry; undefined where there is none
 */
export const whoCanSwap = (path: string, trusted: Trusted): Swappable | undefined =>
  walk(path, trusted).found;

/** `whoCanSwap`, and who can write the file or directory at the end, sticky or not. */
export function whoCanWrite(path: string, trusted: Trusted): Swappable | undefined {
  const { found, end } = walk(path, trusted);
  if (found !== undefined || end === undefined) return found;
  const who = stranger(end.raw, end.stat, withRootOwner(trusted));
  return who === undefined ? undefined : { path: rawToText(end.raw), who };
}

/**
 * Makes a directory that belongs to a trusted user, with those above it that are not there; nothing is made below a
 * directory that somebody else can change.
 *
 * @returns who can put something else in its place, or in the place of what is above it
 * @throws KnownError FILE_UNWRITABLE; system errors
 */
export function makeTrustedFolder(path: string, mode: number, trusted: Trusted): Swappable | undefined {
  const before = whoCanSwap(path, trusted);
  if (before !== undefined) return before;
  makeFolders(path, mode);
  return whoCanSwap(path, trusted);
}

interface End {
  readonly raw: RawName;
  readonly stat: Stats;
}

/** @returns what was found, or where the path ends when all of it is there */
function walk(path: string, asked: Trusted): { readonly found?: Swappable; readonly end?: End } {
  const trusted = withRootOwner(asked);
  const names = textToRaw(path.startsWith('/') ? path : `${process.cwd()}/${path}`).split('/');
  let here: readonly RawName[] = [];
  let stat = lstatSync('/');
  for (let links = 0, name = names.shift(); name !== undefined; name = names.shift()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      here = here.slice(0, -1);
      const above = entryAt(here);
      if (above === undefined) return {};
      stat = above;
      continue;
    }
    const folder = absolute(here);
    const entry = entryAt([...here, name]);
    const found = whoReplaces(folder, stat, name, entry, trusted);
    if (found !== undefined) return { found };
    if (entry === undefined) return {};
    if (entry.isSymbolicLink()) {
      links += 1;
      if (links > linkLimit) return {};
      const target = targetAt([...here, name]);
      if (target === undefined) return {};
      if (target.startsWith('/')) [here, stat] = [[], lstatSync('/')];
      names.unshift(...target.split('/'));
    } else [here, stat] = [[...here, name], entry];
  }
  return { end: { raw: absolute(here), stat } };
}

/** Whoever owns the root of all paths could replace this program too; in a user namespace it is the root of outside. */
const withRootOwner = ({ users, group }: Trusted): Trusted => ({
  users: [...users, 0, lstatSync('/').uid],
  group,
});

const absolute = (names: readonly RawName[]): RawName => `/${names.join('/')}`;

const entryAt = (names: readonly RawName[]): Stats | undefined =>
  ifThere(() => lstatSync(rawToBytes(absolute(names))));

const targetAt = (names: readonly RawName[]): RawName | undefined =>
  ifThere(() => readlinkSync(rawToBytes(absolute(names)), { encoding: 'latin1' }));

/** Undefined for what is not there, also not any more, and for what may not be looked at. */
function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'EINVAL'].includes(systemCode(error) ?? ''))
      return undefined;
    throw error;
  }
}

/** Who can put something else in the place of an entry. What is not there yet is judged when it is. */
function whoReplaces(
  folder: RawName,
  stat: Stats,
  name: RawName,
  entry: Stats | undefined,
  trusted: Trusted,
): Swappable | undefined {
  const who = stranger(folder, stat, trusted);
  if (who === undefined) return undefined;
  const isSticky = (stat.mode & 0o1000) !== 0 && trusted.users.includes(stat.uid);
  if (!isSticky) return { path: rawToText(folder), who };
  if (entry === undefined || trusted.users.includes(entry.uid)) return undefined;
  return { path: rawToText(`${folder === '/' ? '' : folder}/${name}`), who: `user ${entry.uid}` };
}

/** Who beside the trusted can write this, by its owner and its mode. */
function stranger(raw: RawName, { uid, gid, mode }: Stats, trusted: Trusted): string | undefined {
  if (!trusted.users.includes(uid)) return `user ${uid}`;
  const byAll = (mode & 0o002) !== 0;
  const byGroup = (mode & 0o020) !== 0 && gid !== trusted.group;
  if ((!byAll && !byGroup) || isMountedReadOnly(raw)) return undefined;
  return byAll ? 'every user of this machine' : `group ${gid}`;
}

function isMountedReadOnly(raw: RawName): boolean {
  try {
    accessSync(rawToBytes(raw), constants.W_OK);
    return false;
  } catch (error) {
    return systemCode(error) === 'EROFS';
  }
}
