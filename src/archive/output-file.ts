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
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import { syncDirectory } from '../files/index.ts';

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
  readonly #partial: string;
  readonly #fd: number;
  /** It was finished by an earlier run: it may only be what it is. */
  readonly #finished: boolean;
  /** Bytes of an earlier run that were not compared yet. */
  #there: number;
  #at = 0;
  #flushed = 0;
  #flushing: Promise<void> | undefined;

  private constructor(path: string, partial: string, fd: number, finished: boolean) {
    this.path = path;
    this.#partial = partial;
    this.#fd = fd;
    this.#finished = finished;
    this.#there = fstatSync(fd).size;
  }

  /** @throws KnownError FILE_UNWRITABLE, OUTPUT_THERE */
  static open(path: string): OutputFile {
    const finished = openFinished(path);
    if (finished !== undefined) return new OutputFile(path, path, finished, true);
    const partial = `${path}.partial`;
    try {
      const fd = openSync(partial, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644);
      const stat = fstatSync(fd);
      if (stat.isFile() && stat.nlink === 1) return new OutputFile(path, partial, fd, false);
      closeSync(fd);
    } catch (error) {
      throw unwritable(partial, error);
    }
    throw unwritable(partial, 'it is not a file of its own');
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
    if (this.#finished) throw new KnownError('OUTPUT_THERE', { path: this.path });
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
      throw unwritable(this.#partial, error);
    }
  }

  /** Everything was written: makes it last, and gives it its name. @throws KnownError FILE_UNWRITABLE, OUTPUT_THERE */
  async finish(): Promise<void> {
    if (this.#finished && this.#there > this.#at) throw new KnownError('OUTPUT_THERE', { path: this.path });
    try {
      await this.#flushing;
      if (!this.#finished) {
        if (this.#there > this.#at) ftruncateSync(this.#fd, this.#at);
        fsyncSync(this.#fd);
        renameSync(this.#partial, this.path);
        syncDirectory(dirname(this.path));
      }
    } catch (error) {
      throw unwritable(this.#partial, error);
    }
  }

  async close(): Promise<void> {
    await this.#flushing?.catch(() => {});
    closeSync(this.#fd);
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
      if (this.#finished) throw unwritable(this.path, error);
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

function openFinished(path: string): number | undefined {
  try {
    const fd = openSync(path, O_RDONLY | O_NONBLOCK);
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw unwritable(path, error);
  }
  throw unwritable(path, 'it is not a regular file');
}

const unwritable = (path: string, error: unknown) =>
  new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
