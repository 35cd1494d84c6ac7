import type { RawName } from '../files/index.ts';
import { type Digest, digestBytes, digestFromBytes } from '../oci/index.ts';
import { blobFileName } from './blob-names.ts';

/** Number of a blob in its table. */
export type BlobIndex = number;

const link = 1;
const colon = 2;

/**
 * Every blob of a store, 41 bytes each: a million files in `blobs/` are a hundred-odd MiB as objects and 41 MiB here.
 */
export class BlobTable {
  #digests = new Uint8Array(32 * 256);
  #sizes = new Float64Array(256);
  #flags = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(blob: { digest: Digest; size: number; link: boolean; colon: boolean }): BlobIndex {
    if (this.#length === this.#sizes.length) this.#grow();
    const index = this.#length++;
    this.#digests.set(digestBytes(blob.digest), index * 32);
    this.#sizes[index] = blob.size;
    this.#flags[index] = (blob.link ? link : 0) | (blob.colon ? colon : 0);
    return index;
  }

  digest(index: BlobIndex): Digest {
    return digestFromBytes(this.#digests.subarray(index * 32, index * 32 + 32));
  }

  /** Bytes, as `lstat` gave them, or `stat` for a link that may be followed. */
  size(index: BlobIndex): number {
    return this.#sizes[index] ?? 0;
  }

  isLink(index: BlobIndex): boolean {
    return ((this.#flags[index] ?? 0) & link) !== 0;
  }

  isColon(index: BlobIndex): boolean {
    return ((this.#flags[index] ?? 0) & colon) !== 0;
  }

  fileName(index: BlobIndex): RawName {
    return blobFileName(this.digest(index), this.isColon(index));
  }

  /** The digest modulo `parts`, from its first 48 bits: which part of a subset a blob belongs to. */
  part(index: BlobIndex, parts: number): number {
    const at = index * 32;
    let value = 0;
    for (let i = 0; i < 6; i += 1) value = value * 256 + (this.#digests[at + i] ?? 0);
    return value % parts;
  }

  /** Negative when `a` comes first: the bigger blob, then the smaller digest. The same store gives the same order. */
  compare(a: BlobIndex, b: BlobIndex): number {
    const bySize = this.size(b) - this.size(a);
    if (bySize !== 0) return bySize;
    for (let i = 0; i < 32; i += 1) {
      const byDigit = (this.#digests[a * 32 + i] ?? 0) - (this.#digests[b * 32 + i] ?? 0);
      if (byDigit !== 0) return byDigit;
    }
    return a - b;
  }

  #grow(): void {
    const capacity = this.#sizes.length * 2;
    this.#digests = resized(this.#digests, new Uint8Array(capacity * 32));
    this.#flags = resized(this.#flags, new Uint8Array(capacity));
    const sizes = new Float64Array(capacity);
    sizes.set(this.#sizes);
    this.#sizes = sizes;
  }
}

function resized(from: Uint8Array<ArrayBuffer>, to: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  to.set(from);
  return to;
}
