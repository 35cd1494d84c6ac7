import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { describeCause, KnownError } from '../errors/index.ts';
import { Directory, textToRaw } from '../files/index.ts';
import type { Digest } from '../oci/index.ts';
import { canReplaceIn, canWrite } from '../seal/index.ts';
import type { Account } from './account.ts';
import { openOwnFolder, whyNotBeside } from './own-folder.ts';

/** A model that may be served. */
export interface AllowedModel {
  /** In full. */
  readonly name: string;
  readonly blobs: ReadonlySet<Digest>;
}

/** Makes a file that shares the bytes of another one. @throws system errors, where the file system cannot */
export type Clone = (from: Buffer, to: Buffer) => void;

/** A file of its own on the same bytes: what is written to one of the two is not seen in the other. */
export const reflink: Clone = (from, to) =>
  copyFileSync(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);

const temporary = '.new';

/** Where the view of a store lies. */
const viewOf = (store: string): string => `${store}.allowed`;

/**
 * A directory beside the store, laid out like one, that holds some of its models and nothing else. Its blobs share the
 * bytes of the store's: reflinks where the file system has them, else hard links where the command's user cannot write
 * the file; no byte is copied. It stays from start to start: what is not allowed any more goes, what is there already
 * stays where the command's user still cannot write it. What was built here must be checked like any store before it is used.
 *
 * @param account the command's user, who can write neither the view nor what lies in it
 * @throws KnownError START_REFUSED
 */
export function buildAllowedView(
  store: string,
  allowed: readonly AllowedModel[],
  account: Account | undefined,
  { uid, clone }: { readonly uid: number | undefined; readonly clone: Clone },
): string {
  if (uid !== 0 || account === undefined || account.uid === 0) {
    const problem =
      'serve-allowed needs root and --user: Ollama must not be able to write the view that it serves';
    throw new KnownError('START_REFUSED', { problem });
  }
  const path = viewOf(store);
  refuseSwappable(path, account);
  try {
    using source = Directory.open(textToRaw(store));
    using view = openOwnFolder(path, 0o755, uid);
    chmodSync(path, 0o755);
    linkBlobs(source, view, allowed, { account, clone });
    writeManifests(source, view, allowed);
    return path;
  } catch (error) {
    if (error instanceof KnownError) throw error;
    throw new KnownError('START_REFUSED', { problem: `${path}: ${whyNotBeside(error)}` }, error);
  }
}

/** Who can write a directory above the view can put another one in its place, unless the directory is sticky. */
function refuseSwappable(path: string, account: Account): void {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (canReplaceIn(statSync(folder), account.uid, groupsOf(account))) {
      const who = account.name ?? `${account.uid}`;
      const problem = `user ${who} can write ${folder}, and could put another view in the place of ${path}; keep the store in a directory of root`;
      throw new KnownError('START_REFUSED', { problem });
    }
    if (folder === dirname(folder)) return;
  }
}

function below(directory: Directory, name: string): Directory {
  mkdirSync(directory.reach(name), { recursive: true, mode: 0o755 });
  const opened = directory.openDirectory(name);
  chmodSync(`/proc/self/fd/${opened.fd}`, 0o755);
  return opened;
}

function linkBlobs(source: Directory, view: Directory, allowed: readonly AllowedModel[], by: Sharing): void {
  const wanted = new Set(
    allowed.flatMap(({ blobs }) => [...blobs].map((digest) => digest.replace(':', '-'))),
  );
  using from = source.openDirectory('blobs');
  using to = below(view, 'blobs');
  for (const name of [...to.names()])
    if (!wanted.has(name)) rmSync(to.reach(name), { recursive: true, force: true });
  for (const name of wanted) {
    const there = lstatOrNothing(to, name);
    const here = from.lstat(name);
    if (there !== undefined && isCurrent(there, here) && !mayWrite(there, by.account)) continue;
    shareBytes(from, to, name, here, by);
  }
  fsyncSync(to.fd);
}

interface Sharing {
  readonly account: Account;
  readonly clone: Clone;
}

/**
 * A hard link is the file itself. A reflink of another state is made again, which costs no bytes; so is one that was
 * made in the same tick of the clock in which its source changed last, since nobody knows which came first.
 */
function isCurrent(there: Stats, here: Stats): boolean {
  if (there.ino === here.ino && there.dev === here.dev) return true;
  return there.size === here.size && there.mtimeMs > here.ctimeMs;
}

function shareBytes(
  from: Directory,
  to: Directory,
  name: string,
  stat: Stats,
  { account, clone }: Sharing,
): void {
  rmSync(to.reach(temporary), { force: true });
  if (!stat.isFile()) throw new Error(`blobs/${name} is not a regular file`);
  try {
    clone(from.reach(name), to.reach(temporary));
    chmodSync(to.reach(temporary), 0o444);
  } catch (error) {
    rmSync(to.reach(temporary), { force: true });
    if (mayWrite(stat, account)) {
      throw new Error(
        `this file system has no reflinks (${describeCause(error)}), and user ${account.name ?? account.uid} can write blobs/${name}: a hard link would be no protection. Give the store to another user: chown -R root`,
      );
    }
    linkSync(from.reach(name), to.reach(temporary));
  }
  renameSync(to.reach(temporary), to.reach(name));
}

/** The groups of an account without a name are known: its own alone. */
const groupsOf = ({ gid, name }: Account): ReadonlySet<number> | undefined =>
  name === undefined ? new Set([gid]) : undefined;

const mayWrite = (file: Stats, account: Account): boolean => canWrite(file, account.uid, groupsOf(account));

function lstatOrNothing(directory: Directory, name: string): Stats | undefined {
  try {
    return directory.lstat(name);
  } catch {
    return undefined;
  }
}

/** Manifests are small: they are written anew, in a tree that takes the place of the one before in one step. */
function writeManifests(source: Directory, view: Directory, allowed: readonly AllowedModel[]): void {
  const [fresh, old] = ['.manifests.new', '.manifests.old'];
  for (const name of [fresh, old]) rmSync(view.reach(name), { recursive: true, force: true });
  {
    using tree = below(view, fresh);
    for (const { name } of allowed) {
      const path = name.replace(/:([^:/]*)$/, '/$1').split('/');
      copyManifest(source.openDirectory('manifests'), tree, path);
    }
  }
  if (lstatOrNothing(view, 'manifests') !== undefined) renameSync(view.reach('manifests'), view.reach(old));
  renameSync(view.reach(fresh), view.reach('manifests'));
  fsyncSync(view.fd);
  rmSync(view.reach(old), { recursive: true, force: true });
}

function copyManifest(from: Directory, to: Directory, [name = '', ...rest]: readonly string[]): void {
  using source = from;
  if (rest.length > 0) {
    using target = below(to, name);
    copyManifest(source.openDirectory(name), target, rest);
    return;
  }
  const fd = source.openFile(name);
  try {
    if (fstatSync(fd).size > 4 * 1024 * 1024) throw new Error(`the manifest ${name} is larger than 4 MiB`);
    const target = openSync(to.reach(name), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o444);
    try {
      writeFileSync(target, readFileSync(fd));
      fsyncSync(target);
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(fd);
  }
}
