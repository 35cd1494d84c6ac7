import type { FileIdentity } from '../files/index.ts';
import type { Digest } from '../oci/index.ts';
import type { BlobIndex } from '../store/index.ts';

/** In which state each blob of a run was proven, 48 bytes each: a store may hold a million. */
export class ProvenFiles {
  readonly #values: BigInt64Array;
  readonly #provenAt: Float64Array;
  readonly #tables = new Map<BlobIndex, Digest>();

  constructor(blobs: number) {
    this.#values = new BigInt64Array(blobs * 5);
    this.#provenAt = new Float64Array(blobs);
  }

  /** @param provenAt seconds since 1970, when the bytes were read */
  set(index: BlobIndex, identity: FileIdentity, table: Digest | undefined, provenAt: number): void {
    const { dev, ino, size, mtimeNs, ctimeNs } = identity;
    this.#values.set([dev, ino, size, mtimeNs, ctimeNs], index * 5);
    this.#provenAt[index] = provenAt;
    if (table !== undefined) this.#tables.set(index, table);
  }

  /** Undefined for a blob that was not proven in this run. */
  get(index: BlobIndex): { identity: FileIdentity; table: Digest | undefined; provenAt: number } | undefined {
    const provenAt = this.#provenAt[index] ?? 0;
    if (provenAt === 0) return undefined;
    const value = (field: number) => this.#values[index * 5 + field] ?? 0n;
    const identity = {
      ...{ dev: BigInt.asUintN(64, value(0)), ino: BigInt.asUintN(64, value(1)), size: value(2) },
      ...{ mtimeNs: value(3), ctimeNs: value(4) },
    };
    return { identity, table: this.#tables.get(index), provenAt };
  }
}
