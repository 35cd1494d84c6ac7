import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { describeCause } from '../errors/index.ts';

export interface StoreChangesOptions {
  /** Something in the store was made, written, renamed or removed; called for each event. */
  readonly onChange: () => void;
  /** A directory cannot be watched (inotify's limits, a network file system); said once for each reason. */
  readonly onProblem: (problem: string) => void;
}

/** Levels below `manifests/` that hold models: host, namespace, model. */
const levels = 3;
/** Directories that are watched; inotify allows 8,192 a user on small systems (inotify(7)). */
const watchLimit = 8000;

/**
 * Tells of changes in a store: one watch for each directory, since a recursive one takes one a file on Linux. New
 * directories are watched as they come.
 */
export class StoreChanges {
  readonly #store: string;
  readonly #options: StoreChangesOptions;
  readonly #watchers = new Map<string, { readonly watcher: FSWatcher; readonly inode: string }>();
  readonly #told = new Set<string>();
  #closed = false;

  constructor(store: string, options: StoreChangesOptions) {
    this.#store = store;
    this.#options = options;
    this.look();
  }

  /** Directories that are watched now. */
  get watched(): number {
    return this.#watchers.size;
  }

  /** Watches what is new and lets go of what is gone, or is another directory now. */
  look(): void {
    if (this.#closed) return;
    const present = new Map<string, string>();
    for (const path of [this.#store, join(this.#store, 'blobs')]) this.#collect(path, 0, present);
    this.#collect(join(this.#store, 'manifests'), levels, present);
    for (const [path, { inode }] of this.#watchers) if (present.get(path) !== inode) this.#drop(path);
    for (const [path, inode] of present) if (!this.#watchers.has(path)) this.#add(path, inode);
  }

  close(): void {
    this.#closed = true;
    for (const path of [...this.#watchers.keys()]) this.#drop(path);
  }

  #collect(path: string, depth: number, into: Map<string, string>): void {
    if (into.size >= watchLimit) return;
    try {
      const { dev, ino } = statSync(path, { bigint: true });
      into.set(path, `${dev}:${ino}`);
      if (depth === 0) return;
      for (const entry of readdirSync(path, { withFileTypes: true })) {
        if (entry.isDirectory()) this.#collect(join(path, entry.name), depth - 1, into);
      }
    } catch {
      // It went away, or may not be read: the check itself says so.
    }
  }

  #add(path: string, inode: string): void {
    try {
      const watcher = watch(path, { persistent: false }, () => this.#changed());
      watcher.on('error', () => this.#drop(path));
      this.#watchers.set(path, { watcher, inode });
    } catch (error) {
      const problem = describeCause(error);
      if (problem.startsWith('ENOENT') || this.#told.has(problem)) return;
      this.#told.add(problem);
      this.#options.onProblem(problem);
    }
  }

  #drop(path: string): void {
    this.#watchers.get(path)?.watcher.close();
    this.#watchers.delete(path);
  }

  #changed(): void {
    if (this.#closed) return;
    this.look();
    this.#options.onChange();
  }
}
