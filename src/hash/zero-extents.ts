/** A run of zero bytes, `[start, end)`. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** Zeros are looked for in blocks of this size, the size in which file systems lose data. */
const block = 4096;

/** Extents kept; a file with more is zeroed here and there, and the count tells. */
const keptExtents = 16;

const zeros = Buffer.alloc(block);

/** Finds whole blocks of zeros in bytes that flow by in order, in parts that start at multiples of the block. */
export class ZeroFinder {
  readonly extents: Extent[] = [];
  /** All extents, kept or not. */
  count = 0;
  /** Bytes in them. */
  bytes = 0;
  #open: number | undefined;
  #end = 0;

  update(part: Uint8Array, position: number): void {
    const view = Buffer.from(part.buffer, part.byteOffset, part.length);
    for (let at = 0; at < view.length; at += block) {
      const end = Math.min(at + block, view.length);
      if (view.compare(zeros, 0, end - at, at, end) !== 0) this.#close(position + at);
      else this.#open ??= position + at;
    }
    this.#end = position + view.length;
  }

  finish(): void {
    this.#close(this.#end);
  }

  #close(end: number): void {
    if (this.#open === undefined) return;
    this.count += 1;
    this.bytes += end - this.#open;
    if (this.extents.length < keptExtents) this.extents.push({ start: this.#open, end });
    this.#open = undefined;
  }
}
