import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  futimesSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../errors/index.ts';
import { isGone, processMark } from './process-mark.ts';

/** A lock that nobody refreshed for so long was left by a process that died, also where nobody can ask the system. */
const staleMs = 20_000;
const refreshMs = 5_000;

/** Bytes of the longest mark. */
const markLimit = 1024;

export interface LockEffects {
  now(): Date;
  readonly pid: number;
  /** Calls back every so many milliseconds until the returned function is called. */
  every(ms: number, action: () => void): () => void;
}

/**
 * What one process alone writes: a blob that is received, an archive that is written. Held as long as its file is
 * refreshed: a number of a process says nothing where two containers share a volume.
 */
export class ReceiveLock {
  readonly #path: string;
  readonly #fd: number;
  readonly #stop: () => void;

  private constructor(path: string, fd: number, effects: LockEffects) {
    this.#path = path;
    this.#fd = fd;
    this.#stop = effects.every(refreshMs, () => {
      const now = effects.now();
      futimesSync(fd, now, now);
    });
  }

  /** Undefined where another process holds it. @throws system errors */
  static take(path: string, effects: LockEffects): ReceiveLock | undefined {
    for (const last of [false, true]) {
      try {
        const fd = create(path, processMark(effects.pid) ?? `${effects.pid}`);
        const now = effects.now();
        futimesSync(fd, now, now);
        return new ReceiveLock(path, fd, effects);
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw error;
      }
      if (last || !removeStale(path, effects.now())) break;
    }
    return undefined;
  }

  release(): void {
    this.#stop();
    closeSync(this.#fd);
    rmSync(this.#path, { force: true });
  }
}

/** With its mark from the first moment on: one without, of a process that was killed meanwhile, would have to grow old. */
function create(path: string, mark: string): number {
  const own = `${path}.${randomBytes(4).toString('hex')}`;
  const fd = openSync(own, 'wx', 0o600);
  try {
    writeSync(fd, mark);
    linkSync(own, path);
    return fd;
  } catch (error) {
    closeSync(fd);
    if (!noLinks.includes(systemCode(error) ?? '')) throw error;
  } finally {
    rmSync(own, { force: true });
  }
  const plain = openSync(path, 'wx', 0o600);
  writeSync(plain, mark);
  return plain;
}

/** Removes what processes left that were killed while they took a lock. */
export function sweepLocks(folder: string, now: Date): void {
  for (const name of readdirSync(folder)) {
    if (!/\.lock\.[0-9a-f]{8}$/.test(name)) continue;
    const path = join(folder, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat !== undefined && now.getTime() - stat.mtimeMs > staleMs) rmSync(path, { force: true });
  }
}

/** What file systems without hard links say. */
const noLinks: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/** The text of a mark. On a medium it may be anything by now: it is opened without waiting for a FIFO. */
function readMark(file: string): string {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) return '';
    const room = Buffer.alloc(markLimit);
    return room.toString('utf8', 0, readSync(fd, room));
  } finally {
    closeSync(fd);
  }
}

/** Whether there was a stale lock, which is gone now. Renamed first: of two that see it, one removes it. */
function removeStale(path: string, now: Date): boolean {
  const isStale = (file: string) => {
    const stat = lstatSync(file);
    // On a medium it may be anything, and what is no mark is not read.
    if (!stat.isFile() || stat.size > markLimit) return false;
    return now.getTime() - stat.mtimeMs > staleMs || isGone(readMark(file));
  };
  try {
    if (!isStale(path)) return false;
    const aside = `${path}.${randomBytes(4).toString('hex')}`;
    renameSync(path, aside);
    const stale = isStale(aside);
    // Somebody else was faster, and what was moved is the lock of a process that lives.
    if (stale) rmSync(aside, { force: true });
    else renameSync(aside, path);
    return stale;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return true;
    throw error;
  }
}
