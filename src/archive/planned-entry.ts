import type { OpenBlob } from '../blobs/index.ts';
import type { Digest } from '../oci/index.ts';

/** One file of an archive that is to be written. */
export interface PlannedEntry {
  readonly name: string;
  readonly size: number;
  readonly mode: number;
  readonly digest: Digest;
  readonly content: Uint8Array | (() => Promise<OpenBlob>);
}

/** The files of an archive, in order, the index first. */
export interface ArchivePlan {
  readonly entries: readonly PlannedEntry[];
}
