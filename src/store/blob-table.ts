import type { RawName } from '../files/index.ts';
import { type Digest, digestBytes, digestFromBytes } from '../oci/index.ts';
import { blobFileName } from './blob-names.ts';

/** Number of a blob in its table. */
export type BlobIndex = number;

const link = 1;
const colon = 2;

/** Blobs in one page: a table that grows by pages copies nothing and never holds twice what it needs. */
const perPage = 16_384;

interface Page {
  readonly digests: Uint8Array;
  readonly sizes: Float64Array;
  readonly flags: Uint8Array;
}

const newPage = (): Page => ({
  digests: new Uint8Array(perPage * 32),
  sizes: new Float64Array(perPage),
  flags: new Uint8Array(perPage),
});

/**
 * Every blob of a store, 41 bytes each: a million files in `blobs/` are a hundred-odd MiB as objects and 39 MiB here.
 */
export class BlobTable {
  readonly #pages: Page[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(blob: { digest: Digest; size: number; link: boolean; colon: boolean }): BlobIndex {
    const index = this.#length++;
    const at = index % perPage;
    if (at === 0) this.#pages.push(newPage());
    const page = this.#pageOf(index);
    page.digests.set(digestBytes(blob.digest), at * 32);
    page.sizes[at] = blob.size;
    page.flags[at] = (blob.link ? link : 0) | (blob.colon ? colon : 0);
    return index;
  }

  digest(index: BlobIndex): Digest {
    const at = (index % perPage) * 32;
    return digestFromBytes(this.#pageOf(index).digests.subarray(at, at + 32));
  }

  /** Bytes, as `lstat` gave them, or `stat` for a link that may be followed. */
  size(index: BlobIndex): number {
    return this.#pageOf(index).sizes[index % perPage] ?? 0;
  }

  isLink(index: BlobIndex): boolean {
    return (this.#flags(index) & link) !== 0;
  }

  isColon(index: BlobIndex): boolean {
    return (this.#flags(index) & colon) !== 0;
  }

  fileName(index: BlobIndex): RawName {
    return blobFileName(this.digest(index), this.isColon(index));
  }

  /** The digest modulo `parts`, from its first 48 bits: which part of a subset a blob belongs to. */
  part(index: BlobIndex, parts: number): number {
    const { digests } = this.#pageOf(index);
    const at = (index % perPage) * 32;
    let value = 0;
    for (let i = 0; i < 6; i += 1) value = value * 256 + (digests[at + i] ?? 0);
    return value % parts;
  }

  /** Negative when `a` comes first: the bigger blob, then the smaller digest. The same store gives the same order. */
  compare(a: BlobIndex, b: BlobIndex): number {
    const bySize = this.size(b) - this.size(a);
    if (bySize !== 0) return bySize;
    const [left, right] = [this.#pageOf(a).digests, this.#pageOf(b).digests];
    const [atLeft, atRight] = [(a % perPage) * 32, (b % perPage) * 32];
    for (let i = 0; i < 32; i += 1) {
      const byDigit = (left[atLeft + i] ?? 0) - (right[atRight + i] ?? 0);
      if (byDigit !== 0) return byDigit;
    }
    // Twice the same digest: the proper name before the old one with a colon, in whatever order the disk gave them.
    return (this.#flags(a) & colon) - (this.#flags(b) & colon) || a - b;
  }

  #flags(index: BlobIndex): number {
    return this.#pageOf(index).flags[index % perPage] ?? 0;
  }

  #pageOf(index: BlobIndex): Page {
    const page = this.#pages[Math.floor(index / perPage)];
    if (page === undefined) throw new RangeError(`no blob has the number ${index}`);
    return page;
  }
}
