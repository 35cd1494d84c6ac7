import { close, read } from 'node:fs';
import { promisify } from 'node:util';
import { describeCause, KnownError } from '../errors/index.ts';

const readAt = promisify(read);
const closeFd = promisify(close);

/** Bytes in one read of what is passed over. */
const pieceSize = 1024 * 1024;

/** The bytes of an archive, one after the other. */
export interface ByteSource {
  /** Fills the buffer, or as much of it as there is. @throws KnownError ARCHIVE_UNREADABLE, VOLUME_DAMAGED */
  fill(buffer: Uint8Array): Promise<number>;
  /** Passes over so many bytes without looking at them. @returns how many there were */
  skip(bytes: number): Promise<number>;
  close(): Promise<void>;
}

/** Where a part of an archive lies. */
export interface Segment {
  readonly path: string;
  readonly fd: number;
  /** The first byte in the file. */
  readonly start: number;
  /** Bytes. */
  readonly length: number;
}

/** Parts of files, one after the other, as one run of bytes. The files are closed with it. */
export class FileSource implements ByteSource {
  readonly #segments: readonly Segment[];
  #at = 0;
  #within = 0;

  constructor(segments: readonly Segment[]) {
    this.#segments = segments;
  }

  async fill(buffer: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < buffer.length) {
      const segment = this.#current();
      if (segment === undefined) break;
      const wanted = Math.min(buffer.length - filled, segment.length - this.#within);
      const got = await readFrom(segment, buffer, filled, wanted, segment.start + this.#within);
      if (got === 0) break;
      filled += got;
      this.#within += got;
    }
    return filled;
  }

  async skip(bytes: number): Promise<number> {
    let skipped = 0;
    while (skipped < bytes) {
      const segment = this.#current();
      if (segment === undefined) break;
      const some = Math.min(bytes - skipped, segment.length - this.#within);
      skipped += some;
      this.#within += some;
    }
    return skipped;
  }

  async close(): Promise<void> {
    for (const fd of new Set(this.#segments.map((segment) => segment.fd))) await closeFd(fd);
  }

  #current(): Segment | undefined {
    while (this.#at < this.#segments.length) {
      const segment = this.#segments[this.#at];
      if (segment !== undefined && this.#within < segment.length) return segment;
      this.#at += 1;
      this.#within = 0;
    }
    return undefined;
  }
}

async function readFrom(
  { path, fd }: Segment,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
): Promise<number> {
  try {
    return (await readAt(fd, buffer, offset, length, position)).bytesRead;
  } catch (error) {
    throw new KnownError('ARCHIVE_UNREADABLE', { path, problem: describeCause(error) }, error);
  }
}

/** What comes through a pipe; it can be read once, and nothing of it can be passed over without reading. */
export class PipeSource implements ByteSource {
  readonly #parts: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#parts = stream[Symbol.asyncIterator]();
  }

  async fill(buffer: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < buffer.length) {
      if (this.#rest.length === 0 && !(await this.#more())) break;
      const some = this.#rest.subarray(0, buffer.length - filled);
      buffer.set(some, filled);
      filled += some.length;
      this.#rest = this.#rest.subarray(some.length);
    }
    return filled;
  }

  /** Puts back what was looked at: it is read again next. */
  unread(bytes: Uint8Array): void {
    this.#rest = Buffer.concat([bytes, this.#rest]);
  }

  async skip(bytes: number): Promise<number> {
    const scratch = Buffer.allocUnsafe(Math.min(bytes, pieceSize));
    let skipped = 0;
    while (skipped < bytes) {
      const got = await this.fill(scratch.subarray(0, Math.min(scratch.length, bytes - skipped)));
      if (got === 0) break;
      skipped += got;
    }
    return skipped;
  }

  async close(): Promise<void> {
    await this.#parts.return?.();
  }

  async #more(): Promise<boolean> {
    try {
      const next = await this.#parts.next();
      if (next.done === true) return false;
      this.#rest = next.value;
      return true;
    } catch (error) {
      throw new KnownError('ARCHIVE_UNREADABLE', { path: 'the pipe', problem: describeCause(error) }, error);
    }
  }
}
