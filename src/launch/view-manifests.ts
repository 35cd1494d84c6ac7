import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type Directory, type RawName, readSmall, textToRaw } from '../files/index.ts';
import { type Digest, digestFromBytes, manifestSizeLimit } from '../oci/index.ts';

/** One manifest that belongs into a view. */
export interface AllowedManifest {
  /** The full name of its model. */
  readonly name: string;
  /** SHA-256 of its bytes, as they were checked. */
  readonly digest: Digest;
}

/**
 * Manifests are small: they are written anew, in a tree that takes the place of the one before in one step.
 *
 * @throws Error where one is not the one that was checked; system errors
 */
export function writeManifests(
  source: Directory,
  view: Directory,
  allowed: readonly AllowedManifest[],
): void {
  const [fresh, old] = ['.manifests.new', '.manifests.old'];
  for (const name of [fresh, old]) rmSync(view.reach(name), { recursive: true, force: true });
  {
    using tree = openBelow(view, fresh);
    for (const { name, digest } of allowed) {
      const path = name
        .replace(/:([^:/]*)$/, '/$1')
        .split('/')
        .map(textToRaw);
      copyManifest(source.openDirectory('manifests'), tree, path, digest);
    }
  }
  if (isThere(view, 'manifests')) renameSync(view.reach('manifests'), view.reach(old));
  renameSync(view.reach(fresh), view.reach('manifests'));
  fsyncSync(view.fd);
  rmSync(view.reach(old), { recursive: true, force: true });
}

/** A directory below an open one, made where it is not there, that everybody can read. */
export function openBelow(directory: Directory, name: RawName): Directory {
  mkdirSync(directory.reach(name), { recursive: true, mode: 0o755 });
  const opened = directory.openDirectory(name);
  chmodSync(`/proc/self/fd/${opened.fd}`, 0o755);
  return opened;
}

function copyManifest(
  from: Directory,
  to: Directory,
  [name = '', ...rest]: readonly RawName[],
  digest: Digest,
): void {
  using source = from;
  if (rest.length > 0) {
    using target = openBelow(to, name);
    copyManifest(source.openDirectory(name), target, rest, digest);
    return;
  }
  const fd = source.openFile(name);
  try {
    const bytes = readSmall(fd, manifestSizeLimit);
    // What lies there by now may be a secret of root's, and whoever serves the view can read what is written there.
    if (bytes === undefined || sha256(bytes) !== digest)
      throw new Error(`the manifest ${source.pathOf(name)} was replaced since its check`);
    writeNew(to.reach(name), bytes);
  } finally {
    closeSync(fd);
  }
}

const sha256 = (bytes: Uint8Array): Digest => digestFromBytes(createHash('sha256').update(bytes).digest());

function writeNew(path: Buffer, bytes: Uint8Array): void {
  const target = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o444);
  try {
    writeFileSync(target, bytes);
    fsyncSync(target);
  } finally {
    closeSync(target);
  }
}

function isThere(directory: Directory, name: RawName): boolean {
  try {
    directory.lstat(name);
    return true;
  } catch {
    return false;
  }
}
