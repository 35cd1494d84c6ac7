import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  read,
  renameSync,
  write,
} from 'node:fs';
import { promisify } from 'node:util';
import { type LockEffects, ReceiveLock } from '../blobs/index.ts';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import { Place } from '../files/index.ts';

const readAt = promisify(read);
const writeAt = promisify(write);
const flush = promisify(fdatasync);

const { O_RDONLY, O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;

/** After so many bytes the disk is told to begin: one long wait at the end would be the whole medium's time again. */
const flushEvery = 256 * 1024 * 1024;

/**
 * A file that is written from the beginning to the end, and continued where an earlier run was cut. What lies there is
 * compared with what is to be written, and only from the first difference on anything is written: an archive is the
 * same bytes in every run. It has another name until it is whole.
 */
export class OutputFile {
  readonly path: string;
  readonly #place: Place;
  readonly #fd: number;
  /** Held while it is written; undefined where it was finished by an earlier run: it may only be what it is. */
  readonly #lock: ReceiveLock | undefined;
  /** Bytes of an earlier run that were not compared yet. */
  #there: number;
  #at = 0;
  #flushed = 0;
  #flushing: Promise<void> | undefined;

  private constructor(path: string, place: Place, fd: number, lock: ReceiveLock | undefined) {
    this.path = path;
    this.#place = place;
    this.#fd = fd;
    this.#lock = lock;
    this.#there = fstatSync(fd).size;
  }

  /** @throws KnownError FILE_UNWRITABLE, OUTPUT_BUSY */
  static open(path: string, effects: LockEffects): OutputFile {
    const place = openPlace(path);
    try {
      const before = openFinished(path, place);
      if (before !== undefined) return new OutputFile(path, place, before, undefined);
      const lock = takeLock(path, place, effects);
      try {
        // Another process may have finished it just now.
        const finished = openFinished(path, place);
        if (finished === undefined) return new OutputFile(path, place, openPartial(path, place), lock);
        lock.release();
        return new OutputFile(path, place, finished, undefined);
      } catch (error) {
        lock.release();
        throw error;
      }
    } catch (error) {
      place[Symbol.dispose]();
      throw error;
    }
  }

  /** Bytes that this run found there already. */
  get kept(): number {
    return Math.min(this.#at, this.#kept);
  }

  #kept = 0;

  /** @throws KnownError FILE_UNWRITABLE, OUTPUT_THERE */
  async write(bytes: Uint8Array): Promise<void> {
    const same = await this.#compare(bytes);
    this.#at += same;
    this.#kept += same;
    if (same === bytes.length) return;
    if (this.#lock === undefined) throw new KnownError('OUTPUT_THERE', { path: this.path });
    try {
      if (this.#there > this.#at) ftruncateSync(this.#fd, this.#at);
      this.#there = 0;
      for (let done = same; done < bytes.length; ) {
        const { bytesWritten } = await writeAt(this.#fd, bytes, done, bytes.length - done, this.#at);
        done += bytesWritten;
        this.#at += bytesWritten;
      }
      this.#flushNowAndThen();
    } catch (error) {
      throw unwritable(partialOf(this.path), error);
    }
  }

  /** Everything was written: makes it last, and gives it its name. @throws KnownError FILE_UNWRITABLE, OUTPUT_THERE */
  async finish(): Promise<void> {
    if (this.#lock === undefined && this.#there > this.#at)
      throw new KnownError('OUTPUT_THERE', { path: this.path });
    try {
      await this.#flushing;
      if (this.#lock !== undefined) {
        if (this.#there > this.#at) ftruncateSync(this.#fd, this.#at);
        fsyncSync(this.#fd);
        renameSync(this.#place.at(partialOf(this.#place.name)), this.#place.at());
        this.#place.sync();
      }
    } catch (error) {
      throw unwritable(partialOf(this.path), error);
    }
  }

  async close(): Promise<void> {
    await this.#flushing?.catch(() => {});
    closeSync(this.#fd);
    this.#lock?.release();
    this.#place[Symbol.dispose]();
  }

  /** How many of these bytes lie in their place already, as far as everything before them did. */
  async #compare(bytes: Uint8Array): Promise<number> {
    const wanted = Math.min(bytes.length, this.#there - this.#at);
    if (wanted <= 0) return 0;
    const found = Buffer.allocUnsafe(wanted);
    let got = 0;
    try {
      while (got < wanted) {
        const { bytesRead } = await readAt(this.#fd, found, got, wanted - got, this.#at + got);
        if (bytesRead === 0) break;
        got += bytesRead;
      }
    } catch (error) {
      // What cannot be read of an earlier run is written again.
      if (this.#lock === undefined) throw unwritable(this.path, error);
      return 0;
    }
    if (found.compare(bytes, 0, got, 0, got) === 0) return got;
    let same = 0;
    while (found[same] === bytes[same]) same += 1;
    return same;
  }

  #flushNowAndThen(): void {
    if (this.#at - this.#flushed < flushEvery || this.#flushing !== undefined) return;
    this.#flushed = this.#at;
    this.#flushing = flush(this.#fd).finally(() => {
      this.#flushing = undefined;
    });
    // Told when it is finished: whatever could not be flushed then is not there.
    this.#flushing.catch(() => {});
  }
}

const partialOf = (name: string): string => `${name}.partial`;

/** A link in its place is replaced when the archive is whole; root follows none of somebody else on the way there. */
function openPlace(path: string): Place {
  try {
    return Place.open(path, 'keep');
  } catch (error) {
    throw unwritable(partialOf(path), error);
  }
}

function openFinished(path: string, place: Place): number | undefined {
  try {
    const fd = openSync(place.at(), O_RDONLY | O_NONBLOCK);
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw unwritable(path, error);
  }
  throw unwritable(path, 'it is not a regular file');
}

/** Two that write one file make a third one of it, which both would call theirs. */
function takeLock(path: string, place: Place, effects: LockEffects): ReceiveLock {
  let lock: ReceiveLock | undefined;
  try {
    lock = ReceiveLock.take(place.at(`${partialOf(place.name)}.lock`).toString(), effects);
  } catch (error) {
    throw unwritable(partialOf(path), error);
  }
  if (lock === undefined) throw new KnownError('OUTPUT_BUSY', { path: partialOf(path) });
  return lock;
}

function openPartial(path: string, place: Place): number {
  try {
    const fd = openSync(place.at(partialOf(place.name)), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644);
    const stat = fstatSync(fd);
    if (stat.isFile() && stat.nlink === 1) return fd;
    closeSync(fd);
  } catch (error) {
    throw unwritable(partialOf(path), error);
  }
  throw unwritable(partialOf(path), 'it is not a file of its own');
}

const unwritable = (path: string, error: unknown) =>
  error instanceof KnownError && error.code === 'FILE_UNWRITABLE'
    ? error
    : new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
