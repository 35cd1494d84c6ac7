import { existsSync, linkSync, lstatSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { BlobDirectory, type DirectoryEffects } from '../blobs/index.ts';
import { describeCause, KnownError } from '../errors/index.ts';
import { syncDirectory } from '../files/index.ts';
import { makeFolder } from './make-folder.ts';

/** What a repair has in its place: none of it may lead elsewhere. */
const parts = ['blobs', 'blobs/sha256', 'partial', 'tables', 'quarantine'] as const;

/**
 * Where a repair works: `NAME.verify-models` beside the store, else `.verify-models` in it, on the file system of the
 * store, where Ollama deletes nothing. It receives blobs there, and keeps what it took away in `quarantine/`.
 */
export class WorkPlace {
  readonly path: string;
  readonly blobs: BlobDirectory;
  /** Who works there. */
  readonly uid: number | undefined;
  readonly #now: () => Date;

  private constructor(path: string, blobs: BlobDirectory, { uid, now }: DirectoryEffects) {
    this.path = path;
    this.blobs = blobs;
    this.uid = uid;
    this.#now = now;
  }

  /** Whether an earlier run made one of the two; nothing is made for the question. */
  static isThere(store: string): boolean {
    return placesFor(store).some((path) => existsSync(path));
  }

  /** @throws KnownError REPAIR_REFUSED where neither place can be used */
  static open(store: string, effects: DirectoryEffects): WorkPlace {
    const device = statSync(store).dev;
    const problems: string[] = [];
    for (const path of placesFor(store)) {
      try {
        makeFolder(path, 0o700);
        const stat = lstatSync(path);
        if (!stat.isDirectory()) throw new Error('it is no directory');
        if (effects.uid !== undefined && stat.uid !== effects.uid && stat.uid !== 0)
          throw new Error(`it belongs to user ${stat.uid}, not to ${effects.uid}`);
        if (stat.dev !== device) throw new Error('it is on another file system than the store');
        for (const name of parts)
          if (lstatSync(join(path, name), { throwIfNoEntry: false })?.isSymbolicLink() === true)
            throw new Error(`${name} in it is a link`);
        return new WorkPlace(path, BlobDirectory.open(path, effects), effects);
      } catch (error) {
        problems.push(`${path}: ${describeCause(error)}`);
      }
    }
    throw new KnownError('REPAIR_REFUSED', {
      problem: `there is no place to work in: ${problems.join('; ')}`,
    });
  }

  /**
   * Keeps a file of the store under another name; the file itself stays where it is until something takes its place.
   *
   * @param from how the file is reached
   * @returns where it is kept
   */
  keep(from: Buffer, name: string, reason: string): string {
    const place = this.#placeFor(name, reason);
    linkSync(from, place);
    syncDirectory(dirname(place));
    return place;
  }

  /** Takes a file of the store away; its name is free afterwards. */
  setAside(from: Buffer, name: string, reason: string): string {
    const place = this.#placeFor(name, reason);
    renameSync(from, place);
    syncDirectory(dirname(place));
    return place;
  }

  #placeFor(name: string, reason: string): string {
    const at = this.#now().toISOString();
    const place = join(this.path, 'quarantine', `${name}-${at.replace(/[:.]/g, '')}`);
    const note = `${JSON.stringify({ name, at, reason })}\n`;
    writeFileSync(`${place}.json`, note, { mode: 0o600, flush: true });
    return place;
  }
}

const placesFor = (store: string): readonly string[] => [
  join(dirname(store), `${basename(store)}.verify-models`),
  join(store, '.verify-models'),
];
