import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  type Stats,
} from 'node:fs';
import { describeCause } from '../errors/index.ts';
import type { Directory, RawName } from '../files/index.ts';
import { eachBounded } from '../hash/index.ts';
import type { Digest } from '../oci/index.ts';
import { canWrite } from '../seal/index.ts';
import { blobFileName } from '../store/index.ts';
import type { Account } from './account.ts';

/** Makes a file that shares the bytes of another one, which is open. @throws system errors, where the file system cannot */
export type Clone = (from: string, to: Buffer) => void;

/** A file of its own on the same bytes: what is written to one of the two is not seen in the other. */
export const reflink: Clone = (from, to) =>
  copyFileSync(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);

export interface Sharing {
  /** The command's user. */
  readonly account: Account;
  /** Who builds the view: the owner of what is made. */
  readonly uid: number;
  readonly clone: Clone;
  /** The digest of an open file, unchanged while it is read. @throws KnownError FILE_CHANGED, FILE_UNREADABLE, CANCELLED */
  readonly digest: (fd: number, label: string) => Promise<Digest>;
  /** Blobs that are read at the same time. */
  readonly jobs: number;
}

/** A directory of the view that nobody else can enter: what is made in it has no name elsewhere before it was judged. */
const workshop = '.being-made';

/** Brings the blobs of a view up to date: what is not wanted goes, what is there stays while nobody else can write it. */
export async function shareBlobs(
  from: Directory,
  view: Directory,
  to: Directory,
  wanted: ReadonlySet<Digest>,
  sharing: Sharing,
): Promise<void> {
  const all = [...wanted].map((digest) => ({ digest, name: blobFileName(digest) }));
  const names = new Set(all.map(({ name }) => name));
  for (const name of [...to.names()])
    if (!names.has(name)) rmSync(to.reach(name), { recursive: true, force: true });
  rmSync(view.reach(workshop), { recursive: true, force: true });
  mkdirSync(view.reach(workshop), { mode: 0o700 });
  try {
    using made = view.openDirectory(workshop);
    await eachBounded(all, sharing.jobs, (blob) => shareOne({ from, made, to, ...blob }, sharing));
  } finally {
    rmSync(view.reach(workshop), { recursive: true, force: true });
  }
  fsyncSync(to.fd);
}

interface One {
  readonly from: Directory;
  readonly made: Directory;
  readonly to: Directory;
  readonly name: RawName;
  readonly digest: Digest;
}

/** Opened once: what is judged is what is shared, whatever its name leads to meanwhile. */
async function shareOne(one: One, sharing: Sharing): Promise<void> {
  const { from, to, name } = one;
  const source = openBlob(from, name);
  try {
    const there = lstatOrNothing(to, name);
    const here = fstatSync(source);
    if (there !== undefined && isCurrent(there, here, sharing)) return;
    if (!(await cloneOf(source, one, sharing))) linkOf(source, one, sharing);
    renameSync(one.made.reach(name), to.reach(name));
  } finally {
    closeSync(source);
  }
}

function openBlob(from: Directory, name: RawName): number {
  try {
    return from.openFile(name);
  } catch (error) {
    throw new Error(`blobs/${name} is not a regular file that can be opened (${describeCause(error)})`);
  }
}

/**
 * A hard link is the file itself. A reflink of another state is made again, which costs no bytes; so is one that was
 * made in the same tick of the clock in which its source changed last, since nobody knows which came first, and one that
 * is not what is made here: a file of root's that nobody writes.
 */
function isCurrent(there: Stats, here: Stats, { account, uid }: Sharing): boolean {
  if (!there.isFile() || mayWrite(there, account)) return false;
  if (there.ino === here.ino && there.dev === here.dev) return true;
  const isOwn = there.uid === uid && (there.mode & 0o222) === 0;
  return isOwn && there.size === here.size && there.mtimeMs > here.ctimeMs;
}

/**
 * Makes a file of its own, and reads it before anybody else can: bytes that are not those of the name may be a secret of
 * root's, to which the name led for a moment.
 *
 * @returns false where the file system cannot
 */
async function cloneOf(source: number, { made, name, digest }: One, sharing: Sharing): Promise<boolean> {
  try {
    sharing.clone(`/proc/self/fd/${source}`, made.reach(name));
  } catch (error) {
    rmSync(made.reach(name), { force: true });
    refuseLink(fstatSync(source), name, sharing.account, error);
    return false;
  }
  const fd = made.openFile(name);
  try {
    // Node.js gives a copy the owner of what was copied, who could make it writable again.
    fchownSync(fd, sharing.uid, sharing.uid);
    if ((await sharing.digest(fd, digest)) !== digest)
      throw new Error(`blobs/${name} was replaced since its check`);
    fchmodSync(fd, 0o444);
    const { uid, nlink, mode } = fstatSync(fd);
    if (uid !== sharing.uid || nlink !== 1 || (mode & 0o7777) !== 0o444)
      throw new Error(`what was made of blobs/${name} is not a file of its own`);
    fsyncSync(fd);
    return true;
  } finally {
    closeSync(fd);
  }
}

/** Only a name can be linked: what was made is held against what was judged. */
function linkOf(source: number, { from, made, name }: One, { account }: Sharing): void {
  linkSync(from.reach(name), made.reach(name));
  const [judged, linked] = [fstatSync(source), made.lstat(name)];
  if (judged.ino !== linked.ino || judged.dev !== linked.dev)
    throw new Error(`blobs/${name} was replaced while it was shared`);
  refuseLink(linked, name, account);
}

function refuseLink(file: Stats, name: RawName, account: Account, noClone?: unknown): void {
  if (!mayWrite(file, account)) return;
  const why =
    noClone === undefined ? '' : `this file system has no reflinks (${describeCause(noClone)}), and `;
  throw new Error(
    `${why}user ${account.name ?? account.uid} can write blobs/${name}: a hard link would be no protection. Give the store to another user: chown -R root`,
  );
}

/** An access list shows as a group that may write, whoever stands in it. */
const mayWrite = (file: Stats, account: Account): boolean =>
  (file.mode & 0o020) !== 0 || canWrite(file, account.uid, groupsOf(account));

/** The groups of an account without a name are known: its own alone. */
const groupsOf = ({ gid, name }: Account): ReadonlySet<number> | undefined =>
  name === undefined ? new Set([gid]) : undefined;

function lstatOrNothing(directory: Directory, name: RawName): Stats | undefined {
  try {
    return directory.lstat(name);
  } catch {
    return undefined;
  }
}
