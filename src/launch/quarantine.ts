import { fsyncSync, lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { systemCode } from '../errors/index.ts';
import { type Directory, Place, type RawName } from '../files/index.ts';
import type { Digest } from '../oci/index.ts';
import { openOwnFolder, refusalOf } from './own-folder.ts';

/** What is taken out of a store so that the rest of it can start. */
export interface Outcasts {
  /** Full names. */
  readonly models: readonly string[];
  /** Blobs that no other model names, and bad ones that none names. */
  readonly blobs: readonly Digest[];
}

export interface Quarantined {
  /** Where all of it lies now, as it lay in the store. */
  readonly path: string;
  readonly models: number;
  readonly blobs: number;
}

/**
 * Renames manifests, then blobs, into a sibling of the store: inside it Ollama deletes what is not its own, and prunes
 * what was orphaned at its next start. Nothing is deleted or copied; `mv` brings it back. Manifests go first: a crash
 * in between leaves blobs that nothing names.
 *
 * The owner of the store may swap its names, and directories above it, while root moves: all of it is reached by open
 * directories, and no link of another user is followed on the way to them.
 *
 * @param store absolute, links resolved
 * @throws KnownError START_REFUSED, also when the sibling would lie on another file system
 */
export function quarantine(
  store: string,
  { models, blobs }: Outcasts,
  effects: { readonly now: Date; readonly uid: number | undefined },
): Quarantined {
  try {
    using beside = Place.open(store, 'keep');
    using root = beside.openDirectory();
    using folder = openOwnFolder(beside, `${store}.quarantine`, 0o700, effects.uid);
    const name = effects.now.toISOString().replace(/[:.]/g, '');
    mkdirSync(folder.reach(name), { mode: 0o700, recursive: true });
    using place = folder.openDirectory(name);
    const moved = { models: 0, blobs: 0 };
    try {
      for (const model of models)
        moved.models += move(root, place, ['manifests', ...model.replace(/:([^:/]*)$/, '/$1').split('/')]);
      for (const digest of blobs) moved.blobs += move(root, place, ['blobs', digest.replace(':', '-')]);
    } finally {
      // A service that is started again and again leaves no empty directory each time.
      if (moved.models + moved.blobs === 0) rmSync(folder.reach(name), { recursive: true });
    }
    fsyncSync(place.fd);
    return { path: `${store}.quarantine/${name}`, ...moved };
  } catch (error) {
    throw refusalOf('not everything that is bad could be put into quarantine', error);
  }
}

/** One entry from the store to the same place in the quarantine, through directories that are held open. */
function move(from: Directory, to: Directory, path: readonly RawName[]): 0 | 1 {
  const [name = '', ...rest] = path;
  if (rest.length > 0) {
    let source: Directory;
    try {
      source = from.openDirectory(name);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return 0;
      throw error;
    }
    using below = source;
    mkdirSync(to.reach(name), { mode: 0o700, recursive: true });
    using target = to.openDirectory(name);
    return move(below, target, rest);
  }
  try {
    lstatSync(from.reach(name));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0;
    throw error;
  }
  renameSync(from.reach(name), to.reach(name));
  fsyncSync(from.fd);
  fsyncSync(to.fd);
  return 1;
}
