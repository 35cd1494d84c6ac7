import {
  type BigIntStats,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  type Stats,
} from 'node:fs';
import { KnownError } from '../errors/index.ts';
import { difference, identityOf } from './identity.ts';
import { type RawName, rawToBytes, rawToText } from './raw-name.ts';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Linux: a directory that is open has a path of its own, whatever happens to the names above it. */
const proc = existsSync('/proc/self/fd');

/**
 * A directory held open by its descriptor. Its entries are reached through `/proc/self/fd/N/name`, so that nobody
 * can swap a component of the path in between; without /proc each entry is compared with its `lstat` instead.
 * O_NOFOLLOW guards the last component, O_NONBLOCK keeps a FIFO from holding the open.
 */
export class Directory implements Disposable {
  readonly fd: number;
  /** For messages; not used to reach anything where /proc is there. */
  readonly path: string;
  readonly mode: number;
  /** The group it belongs to. */
  readonly gid: number;
  readonly #raw: RawName;
  readonly #object: string;

  private constructor(raw: RawName, fd: number) {
    this.fd = fd;
    this.#raw = raw;
    this.path = rawToText(raw);
    const stat = fstatSync(fd, { bigint: true });
    this.mode = Number(stat.mode);
    this.gid = Number(stat.gid);
    this.#object = `${stat.dev}:${stat.ino}`;
  }

  /** Opens a directory by its path; the last component may not be a link. @throws system errors (ENOENT, ENOTDIR, ELOOP, EACCES) */
  static open(raw: RawName): Directory {
    return new Directory(raw, openSync(rawToBytes(raw), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  }

  /** Whether both are the same directory on the disk. */
  is(other: Directory): boolean {
    return this.#object === other.#object;
  }

  /** Where an entry is reached. Valid while this directory is open. */
  reach(name: RawName): Buffer {
    return rawToBytes(proc ? `/proc/self/fd/${this.fd}/${name}` : this.rawPathOf(name));
  }

  rawPathOf(name: RawName): RawName {
    return this.#raw === '/' ? `/${name}` : `${this.#raw}/${name}`;
  }

  pathOf(name: RawName): string {
    return rawToText(this.rawPathOf(name));
  }

  /** Facts about an entry, a link not followed. @throws system errors */
  lstat(name: RawName): Stats {
    return lstatSync(this.reach(name));
  }

  openDirectory(name: RawName): Directory {
    const fd = this.#open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return new Directory(this.rawPathOf(name), fd);
  }

  /**
   * Opens a regular file for reading and gives its descriptor. Anything else was refused by the caller's `lstat`;
   * what was swapped in since then is refused here.
   *
   * @throws KnownError FILE_CHANGED when it is no longer a regular file; system errors
   */
  openFile(name: RawName): number {
    return regularOnly(this.#open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  }

  #open(name: RawName, flags: number): number {
    if (proc) return openSync(this.reach(name), flags);
    this.#assertInPlace();
    const before = lstatSync(this.reach(name), { bigint: true });
    const fd = sameObject(before, openSync(this.reach(name), flags));
    try {
      this.#assertInPlace();
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return fd;
  }

  /** Without /proc: whether the path still leads to this directory, by way of no other link than before. */
  #assertInPlace(): void {
    const { dev, ino } = lstatSync(rawToBytes(this.#raw), { bigint: true });
    if (`${dev}:${ino}` === this.#object) return;
    throw new KnownError('FILE_CHANGED', { problem: 'a directory above it was moved' });
  }

  /** Names in directory order, streamed: a million of them cost no memory. @throws system errors */
  *names(): Generator<RawName> {
    if (!proc) this.#assertInPlace();
    const self = rawToBytes(proc ? `/proc/self/fd/${this.fd}` : this.#raw);
    const dir = opendirSync(self, { encoding: 'latin1', bufferSize: 64 });
    try {
      for (let entry = dir.readSync(); entry !== null; entry = dir.readSync()) yield entry.name;
    } finally {
      dir.closeSync();
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

/** Opens a path whose links were resolved already; the path must still be link-free at its end. */
export function openResolvedFile(raw: RawName): number {
  return regularOnly(openSync(rawToBytes(raw), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
}

function regularOnly(fd: number): number {
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new KnownError('FILE_CHANGED', { problem: 'it is no longer a regular file' });
}

function sameObject(before: BigIntStats, fd: number): number {
  const field = difference(identityOf(before), identityOf(fstatSync(fd, { bigint: true })));
  if (field === undefined) return fd;
  closeSync(fd);
  throw new KnownError('FILE_CHANGED', { problem: `its ${field} moved while it was opened` });
}
