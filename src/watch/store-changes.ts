import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { basename, join } from 'node:path';
import { describeCause } from '../errors/index.ts';
import { textToRaw } from '../files/index.ts';
import { classifyBlobName } from '../store/index.ts';

export interface StoreChangesOptions {
  /** Something that a check would see was made, written, renamed or removed; called for each event. */
  readonly onChange: () => void;
  /** A directory cannot be watched (inotify's limits, a network file system); said once for each reason. */
  readonly onProblem: (problem: string) => void;
  /** Directories that are watched; 8,000 by default, since inotify allows 8,192 a user on small systems (inotify(7)). */
  readonly limit?: number;
}

/** Levels below `manifests/` that hold models: host, namespace, model. */
const levels = 3;
const usualLimit = 8000;

interface Watched {
  readonly watcher: FSWatcher;
  readonly inode: string;
}

/** A directory that is there now. */
interface Present {
  readonly inode: string;
  /** Directories in it are watched too. */
  readonly hasWatched: boolean;
}

/**
 * Tells of changes in a store: one watch for each directory, since a recursive one takes one a file on Linux. New
 * directories are watched as they come; what was away as a whole (unmounted, renamed) comes back with `look`.
 */
export class StoreChanges {
  readonly #store: string;
  readonly #blobs: string;
  readonly #options: StoreChangesOptions;
  readonly #limit: number;
  readonly #watchers = new Map<string, Watched>();
  readonly #told = new Set<string>();
  #lookIsDue = false;
  #closed = false;

  constructor(store: string, options: StoreChangesOptions) {
    this.#store = store;
    this.#blobs = join(store, 'blobs');
    this.#options = options;
    this.#limit = options.limit ?? usualLimit;
    this.look();
  }

  /** Directories that are watched now. */
  get watched(): number {
    return this.#watchers.size;
  }

  /** Watches what is new and lets go of what is gone, or is another directory now: a stat for each directory. */
  look(): void {
    if (this.#closed) return;
    const present = new Map<string, Present>();
    this.#collect(this.#store, 0, present, true);
    this.#collect(this.#blobs, 0, present);
    this.#collect(join(this.#store, 'manifests'), levels, present);
    for (const [path, { inode }] of this.#watchers) if (present.get(path)?.inode !== inode) this.#drop(path);
    for (const [path, found] of present) if (!this.#watchers.has(path)) this.#add(path, found);
  }

  close(): void {
    this.#closed = true;
    for (const path of [...this.#watchers.keys()]) this.#drop(path);
  }

  #collect(path: string, depth: number, into: Map<string, Present>, hasWatched = depth > 0): void {
    if (into.size >= this.#limit) {
      this.#tell(`it has more than ${this.#limit} directories`);
      return;
    }
    try {
      const { dev, ino } = statSync(path, { bigint: true });
      into.set(path, { inode: `${dev}:${ino}`, hasWatched });
      if (depth === 0) return;
      for (const entry of readdirSync(path, { withFileTypes: true })) {
        if (entry.isDirectory()) this.#collect(join(path, entry.name), depth - 1, into);
      }
    } catch {
      // It went away, or may not be read: the check itself says so.
    }
  }

  #add(path: string, { inode, hasWatched }: Present): void {
    try {
      const watcher = watch(path, { persistent: false }, (event, name) => {
        // Its own name means that it was removed or renamed itself: the one that is made in its place may get its inode.
        const isGone = event === 'rename' && name === basename(path);
        if (isGone) this.#drop(path);
        // A directory comes and goes as an event of the one above it; there may be thousands of events of files.
        if (isGone || (hasWatched && event === 'rename')) this.#lookSoon();
        if (path !== this.#blobs || event === 'rename' || countsWhenWritten(name)) this.#changed();
      });
      watcher.on('error', () => this.#drop(path));
      this.#watchers.set(path, { watcher, inode });
    } catch (error) {
      const problem = describeCause(error);
      if (!problem.startsWith('ENOENT')) this.#tell(problem);
    }
  }

  #drop(path: string): void {
    this.#watchers.get(path)?.watcher.close();
    this.#watchers.delete(path);
  }

  /** Events come in bursts; one look serves all that came together. */
  #lookSoon(): void {
    if (this.#lookIsDue) return;
    this.#lookIsDue = true;
    setImmediate(() => {
      this.#lookIsDue = false;
      this.look();
    });
  }

  #changed(): void {
    if (!this.#closed) this.#options.onChange();
  }

  #tell(problem: string): void {
    if (this.#told.has(problem)) return;
    this.#told.add(problem);
    this.#options.onProblem(problem);
  }
}

/** A download that grows changes no verdict, however often it is written: only that it is there does. */
const countsWhenWritten = (name: string | null): boolean =>
  name === null || !['partial', 'foreign'].includes(classifyBlobName(textToRaw(name)).kind);
