import type { AllowList, Companions, ListedDescriptor } from '../allow-list/index.ts';
import type { ChunkTable } from '../hash/index.ts';
import type { Digest } from '../oci/index.ts';
import { tabledBlobs } from './tabled-blobs.ts';

/** How blobs are hashed in this run: by which chunk tables, or making which. */
export interface BlobTables {
  /** The table by which a blob may be verified in pieces, on all cores; undefined means by its whole digest. */
  tableOf(digest: Digest): ChunkTable | undefined;
  /** The digest of the table that the list gives a blob, whether or not it is here. */
  tableNamed(digest: Digest): Digest | undefined;
  /** Use whole digests even where there is a table, and hold the table against the bytes in the same pass. */
  readonly whole: boolean;
  /** Piece size of a table that is wanted of a blob this large; undefined means none. */
  wantedPieces(bytes: number): number | undefined;
  /** Takes the table that was made in the pass that proved the blob's digest. */
  put(digest: Digest, table: ChunkTable): void;
}

export const withoutTables: BlobTables = {
  tableOf: () => undefined,
  tableNamed: () => undefined,
  whole: false,
  wantedPieces: () => undefined,
  put: () => {},
};

/** The tables of an accepted list; counts those that are missing or damaged. */
export class ListedTables implements BlobTables {
  readonly whole: boolean;
  unusable = 0;
  readonly #entries: ReadonlyMap<Digest, ListedDescriptor>;
  readonly #companions: Companions;

  constructor(list: AllowList, companions: Companions, whole: boolean) {
    this.whole = whole;
    this.#companions = companions;
    this.#entries = new Map(tabledBlobs(list).map(({ entry }) => [entry.digest, entry]));
  }

  tableOf(digest: Digest): ChunkTable | undefined {
    const entry = this.#entries.get(digest);
    if (entry === undefined) return undefined;
    const table = this.#companions.table(entry);
    if (typeof table !== 'string') return table;
    this.unusable += 1;
    return undefined;
  }

  tableNamed(digest: Digest): Digest | undefined {
    return this.#entries.get(digest)?.chunks?.table;
  }

  wantedPieces(): undefined {
    return undefined;
  }

  put(): void {}
}
