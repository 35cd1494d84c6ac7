import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import {
  makeDurable,
  makeFolders,
  syncDirectory,
  trustedBy,
  whoCanSwap,
  writeFlags,
} from '../files/index.ts';

export interface StateEffects {
  now(): Date;
  /** Numeric user of this process; undefined where there is no such thing (Windows). */
  readonly uid: number | undefined;
  readonly pid: number;
}

/** A lock older than this was left by a run that died. Locks are held for the milliseconds of one update. */
const staleLockMs = 60_000;

interface Lock {
  readonly path: string;
  /** Open as long as the lock is held: no other lock can then have its inode. */
  readonly fd: number;
}

/** Largest state file that is read. */
const fileLimit = 16 * 1024 * 1024;

/**
 * The directory in which runs remember things: made with mode 0700, owned by the user who runs (or by root), writable
 * by nobody else. It may be reached through a link (systemd makes one for a dynamic user); its files may not be links.
 * Every file is replaced whole: temporary file, fsync, rename, fsync of the directory; a crash leaves the old or the
 * new one. Updates hold a lock.
 */
export class StateDirectory {
  readonly path: string;
  readonly #effects: StateEffects;

  private constructor(path: string, effects: StateEffects) {
    this.path = path;
    this.#effects = effects;
  }

  /** Opens the directory, and makes it when it is not there. @throws KnownError STATE_UNUSABLE */
  static open(path: string, effects: StateEffects): StateDirectory {
    try {
      makeStateFolder(path, effects.uid);
      const stat = statSync(path);
      const refuse = (problem: string) => new KnownError('STATE_UNUSABLE', { path, problem });
      if (!stat.isDirectory()) throw refuse('it is not a directory');
      if (effects.uid !== undefined && stat.uid !== effects.uid && stat.uid !== 0) {
        throw refuse(`it belongs to user ${stat.uid}, not to ${effects.uid}`);
      }
      if (effects.uid !== undefined && (stat.mode & 0o022) !== 0) throw refuse('others can write into it');
    } catch (error) {
      if (error instanceof KnownError) throw error;
      throw new KnownError('STATE_UNUSABLE', { path, problem: describeCause(error) }, error);
    }
    return new StateDirectory(path, effects);
  }

  /** The text of a file, or undefined when it was never written. @throws KnownError STATE_UNUSABLE, STATE_DAMAGED */
  read(name: string): string | undefined {
    return this.readBytes(name, fileLimit)?.toString('utf8');
  }

  /** The bytes of a file that may be as large as `limit`, or undefined when it was never written. Errors as `read`. */
  readBytes(name: string, limit: number): Buffer | undefined {
    const path = join(this.path, name);
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw new KnownError('STATE_UNUSABLE', { path, problem: describeCause(error) }, error);
    }
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile())
        throw new KnownError('STATE_DAMAGED', { path, problem: 'it is not a regular file' });
      if (stat.size > limit)
        throw new KnownError('STATE_DAMAGED', {
          path,
          problem: `it is larger than ${limit / (1024 * 1024)} MiB`,
        });
      return readFileSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Names of the files that begin with `prefix`, in order. @throws KnownError STATE_UNUSABLE */
  names(prefix: string): string[] {
    try {
      return readdirSync(this.path)
        .filter((name) => name.startsWith(prefix))
        .sort();
    } catch (error) {
      throw new KnownError('STATE_UNUSABLE', { path: this.path, problem: describeCause(error) }, error);
    }
  }

  /**
   * Replaces one file by what `change` makes of its present text, under the lock; undefined removes it.
   *
   * @throws KnownError STATE_LOCKED, STATE_UNUSABLE, STATE_DAMAGED
   */
  update(name: string, change: (before: string | undefined) => string | undefined): void {
    const lock = this.#lock();
    try {
      const after = change(this.read(name));
      if (after === undefined) this.#remove(name);
      else this.#replace(name, after);
    } catch (error) {
      if (error instanceof KnownError) throw error;
      throw new KnownError('STATE_UNUSABLE', { path: this.path, problem: describeCause(error) }, error);
    } finally {
      this.#unlock(lock);
    }
  }

  /** Replaces one file, whatever it was, under the lock. Errors as `update`. */
  write(name: string, content: Uint8Array): void {
    const lock = this.#lock();
    try {
      this.#replace(name, content);
    } catch (error) {
      throw new KnownError('STATE_UNUSABLE', { path: this.path, problem: describeCause(error) }, error);
    } finally {
      this.#unlock(lock);
    }
  }

  #replace(name: string, text: string | Uint8Array): void {
    const temporary = join(this.path, `.${name}.${this.#effects.pid}`);
    // What a run that died left, or whoever the directory belonged to before: in a container the number is always the same.
    rmSync(temporary, { force: true });
    const fd = openSync(temporary, writeFlags(), 0o600);
    try {
      try {
        // writeSync may write less than all: a disk that fills up would leave half of the text.
        writeFileSync(fd, text);
        makeDurable(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(temporary, join(this.path, name));
    } catch (error) {
      unlinkSync(temporary);
      throw error;
    }
    syncDirectory(this.path);
  }

  #remove(name: string): void {
    try {
      unlinkSync(join(this.path, name));
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
    syncDirectory(this.path);
  }

  #lock(): Lock {
    const path = join(this.path, '.lock');
    for (const attempt of [1, 2]) {
      try {
        return this.#makeLock(path);
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') {
          throw new KnownError('STATE_UNUSABLE', { path: this.path, problem: describeCause(error) }, error);
        }
        if (attempt === 2 || !this.#breakStale(path)) throw this.#locked(path);
      }
    }
    throw this.#locked(path);
  }

  #makeLock(path: string): Lock {
    const fd = openSync(path, 'wx', 0o600);
    try {
      writeFileSync(fd, `${this.#effects.pid}\n`);
      const now = this.#effects.now();
      utimesSync(path, now, now);
      return { path, fd };
    } catch (error) {
      closeSync(fd);
      unlinkSync(path);
      throw error;
    }
  }

  /** Gives back only the lock that was taken: one held for too long may have been broken, and another run holds it. */
  #unlock({ path, fd }: Lock): void {
    try {
      if (inodeOf(statSync(path, { bigint: true })) === inodeOf(fstatSync(fd, { bigint: true })))
        unlinkSync(path);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') {
        throw new KnownError('STATE_UNUSABLE', { path: this.path, problem: describeCause(error) }, error);
      }
    } finally {
      closeSync(fd);
    }
  }

  /**
   * A stale lock is renamed first, so that of two runs that find it only one removes it. What was renamed is looked at
   * again: another run may have broken the stale one in between, and this is its own.
   */
  #breakStale(path: string): boolean {
    try {
      if (!this.#isStale(path)) return false;
      const aside = `${path}.${this.#effects.pid}`;
      renameSync(path, aside);
      const stale = this.#isStale(aside);
      if (!stale) linkSync(aside, path);
      unlinkSync(aside);
      return stale;
    } catch (error) {
      return systemCode(error) === 'ENOENT';
    }
  }

  /** A lock from the future was made before the clock was set back; it is as old as one that was left long ago. */
  #isStale(path: string): boolean {
    const now = this.#effects.now().getTime();
    return Math.abs(now - lstatSync(path).mtimeMs) >= staleLockMs;
  }

  #locked(path: string): KnownError {
    let pid = 'unknown';
    try {
      const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
      const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      try {
        const room = Buffer.alloc(20);
        pid = room.toString('utf8', 0, readSync(fd, room)).trim() || pid;
      } finally {
        closeSync(fd);
      }
    } catch {
      // The lock went away in between, or is no file; the message does without its owner.
    }
    return new KnownError('STATE_LOCKED', { path: this.path, pid });
  }
}

/**
 * Makes a directory in which something is remembered: of mode 0700, for the user who runs. Root remembers nothing below a
 * directory that somebody else can change: that user could put another directory there, and another memory with it.
 *
 * @throws KnownError STATE_UNUSABLE, FILE_UNWRITABLE; system errors
 */
export function makeStateFolder(path: string, uid: number | undefined): void {
  refuseForeignPath(path, uid);
  makeFolders(path, 0o700);
  refuseForeignPath(path, uid);
}

/** The same judgement before anything is made. @throws KnownError STATE_UNUSABLE */
export function refuseForeignPath(path: string, uid: number | undefined): void {
  if (uid !== 0) return;
  const swappable = whoCanSwap(path, trustedBy(uid));
  if (swappable === undefined) return;
  const problem = `${swappable.who} can write ${swappable.path}, and could put another directory in its place`;
  throw new KnownError('STATE_UNUSABLE', { path, problem });
}

const inodeOf = ({ dev, ino }: BigIntStats): string => `${dev}:${ino}`;
