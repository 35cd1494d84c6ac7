import { createHash, type Hash, hash } from 'node:crypto';
import { type Digest, parseDigest } from '../oci/index.ts';

/** Gives the bytes at an offset; fewer than asked for at the end of the file, none after it. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

/** Why the bytes cannot be read on; it does not leave this folder. */
export class Unreadable extends Error {}

const blockBytes = 65_536;

/**
 * Reads a file forwards, in blocks, up to a limit, and digests what passes. A length is held against the limit before
 * anything is allocated or read for it.
 */
export class BoundedReader {
  readonly #read: ReadAt;
  readonly #limit: number;
  #block: Buffer = Buffer.alloc(0);
  /** Where the block starts in the file. */
  #start = 0;
  /** Where in the block the next byte is. */
  #at = 0;
  /** Where in the block the open digest goes on; undefined while none is open. */
  #digestFrom: number | undefined;
  /** What the open digest holds of earlier blocks. */
  #earlier: Hash | undefined;

  constructor(read: ReadAt, limit: number) {
    this.#read = read;
    this.#limit = limit;
  }

  get position(): number {
    return this.#start + this.#at;
  }

  /** Bytes until the limit. */
  get room(): number {
    return this.#limit - this.position;
  }

  /** The next bytes; they stay what they are only until the next call. */
  take(length: number): Buffer {
    this.#claim(length);
    if (length <= this.#block.length - this.#at) return this.#part(length);
    const whole = Buffer.alloc(length);
    for (let filled = 0; filled < length; ) filled += this.#part(length - filled).copy(whole, filled);
    return whole;
  }

  skip(length: number, look: (part: Buffer) => void = () => {}): void {
    this.#claim(length);
    for (let left = length; left > 0; ) {
      const part = this.#part(left);
      look(part);
      left -= part.length;
    }
  }

  /** Every byte from here to `closeDigest` is digested. */
  openDigest(): void {
    this.#digestFrom = this.#at;
    this.#earlier = undefined;
  }

  closeDigest(): Digest {
    const rest = this.#block.subarray(this.#digestFrom ?? this.#at, this.#at);
    this.#digestFrom = undefined;
    // Most values lie within one block, and a Hash of its own costs ten times their digest.
    return parseDigest(`sha256:${this.#earlier?.update(rest).digest('hex') ?? hash('sha256', rest, 'hex')}`);
  }

  #claim(length: number): void {
    if (length > this.room) throw new Unreadable(`it goes on beyond the ${this.#limit} bytes that are read`);
  }

  /** At least one and at most `length` bytes of the block. */
  #part(length: number): Buffer {
    if (length > 0 && this.#at === this.#block.length) this.#nextBlock();
    const part = this.#block.subarray(this.#at, this.#at + length);
    this.#at += part.length;
    return part;
  }

  #nextBlock(): void {
    if (this.#digestFrom !== undefined) {
      this.#earlier ??= createHash('sha256');
      this.#earlier.update(this.#block.subarray(this.#digestFrom));
      this.#digestFrom = 0;
    }
    this.#start += this.#block.length;
    const wanted = Math.min(blockBytes, this.#limit - this.#start);
    const bytes = this.#read(this.#start, wanted);
    this.#block = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, wanted));
    this.#at = 0;
    if (this.#block.length === 0) throw new Unreadable(`it ends too early, at byte ${this.#start}`);
  }
}
