import { createHash, type Hash } from 'node:crypto';
import { closeSync, fstatSync, lstatSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { describeCause } from '../errors/index.ts';
import {
  type Directory,
  difference,
  type FileIdentity,
  identityOf,
  type RawName,
  rawToText,
} from '../files/index.ts';
import { type BlobIndex, type BlobTable, OllamaStore, openBlob } from '../store/index.ts';

/** Levels below `manifests/`: host, namespace, model, tag. A deeper one is no model's. */
const levels = 5;
/** Blobs that are looked at before whatever waits (a signal) gets its turn. */
const breath = 256;

/** What a check proved, in the states of the files. */
export interface ProvenStore {
  readonly table: BlobTable;
  /** The state in which a blob was proven; undefined for one that was not. */
  provenState(index: BlobIndex): FileIdentity | undefined;
  /** The state now, flushed where that is needed; undefined for a link and for what is gone. */
  stateNow(store: OllamaStore, index: BlobIndex): FileIdentity | undefined;
}

/**
 * A store from before its check until the start that the check guards: that nothing in it has moved in between. Each
 * look goes by the path anew, as the program that starts will go by it.
 */
export class WatchedStore {
  readonly #path: string;
  readonly #links: readonly string[];
  readonly #before: string;

  /** Looks for the first time; the check must begin after this. @throws KnownError STORE_UNREADABLE */
  constructor(path: string, followLinksInto: readonly string[]) {
    this.#path = path;
    this.#links = followLinksInto;
    using store = this.#open();
    this.#before = layoutOf(store);
  }

  /** What is not as it was proven, in words; undefined when all of it is. */
  async whatMoved(proven: ProvenStore): Promise<string | undefined> {
    try {
      using store = this.#open();
      if (layoutOf(store) !== this.#before) return 'a directory or a manifest of it was replaced';
      for (let index = 0; index < proven.table.length; index += 1) {
        if (index % breath === 0) await setImmediate();
        const before = proven.provenState(index);
        if (before === undefined) continue;
        const moved = movedField(store, proven, index, before);
        if (moved !== undefined) return `blobs/${rawToText(proven.table.fileName(index))}: ${moved}`;
      }
      return undefined;
    } catch (error) {
      return describeCause(error);
    }
  }

  #open(): OllamaStore {
    return OllamaStore.open(this.#path, this.#links, () => {});
  }
}

function movedField(
  store: OllamaStore,
  proven: ProvenStore,
  index: BlobIndex,
  before: FileIdentity,
): string | undefined {
  const now = proven.table.isLink(index)
    ? throughLink(store, proven.table, index)
    : proven.stateNow(store, index);
  if (now === undefined) return 'it is gone, or no regular file any more';
  const field = difference(before, now);
  return field === undefined ? undefined : `its ${field} moved`;
}

function throughLink(store: OllamaStore, table: BlobTable, index: BlobIndex): FileIdentity {
  const fd = openBlob(store, table, index);
  try {
    return identityOf(fstatSync(fd, { bigint: true }));
  } finally {
    closeSync(fd);
  }
}

/** A digest of which directories make up the store, and of every name below `manifests/` with its file's state. */
function layoutOf(store: OllamaStore): string {
  const hash = createHash('sha256');
  for (const directory of [store.manifests, store.blobs]) {
    const stat = directory === undefined ? undefined : fstatSync(directory.fd, { bigint: true });
    hash.update(`${stat?.dev}:${stat?.ino}\n`);
  }
  if (store.manifests !== undefined) addNames(store.manifests, '', levels, hash);
  return hash.digest('hex');
}

function addNames(directory: Directory, path: RawName, depth: number, hash: Hash): void {
  for (const name of [...directory.names()].sort()) {
    const stat = lstatSync(directory.reach(name), { bigint: true });
    const { dev, ino, size, mtimeNs, ctimeNs } = stat;
    hash.update(`${path}/${name}\0${stat.mode}:${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}\n`, 'latin1');
    if (!stat.isDirectory() || depth === 0) continue;
    using below = directory.openDirectory(name);
    addNames(below, `${path}/${name}`, depth - 1, hash);
  }
}
