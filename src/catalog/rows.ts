import type { Digest, ModelName } from '../oci/index.ts';

/** A model as it was admitted. */
export interface CatalogModel {
  readonly name: ModelName;
  readonly digest: Digest;
  readonly mediaType: string;
  /** The manifest, exactly as received. */
  readonly bytes: Buffer;
}

export interface CatalogBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** A model that is recorded, with everything it names. */
export interface CatalogAdmission extends CatalogModel {
  readonly blobs: readonly CatalogBlob[];
  readonly source: string;
  readonly listDigest: Digest | undefined;
  readonly listVersion: number | undefined;
}

/** Requests for one name that were refused in the same words. */
export interface Refused {
  readonly sentence: string;
  /** They were served all the same: policy observe. */
  readonly served: boolean;
  readonly times: number;
}

export interface Refusal {
  readonly name: string;
  readonly sentence: string;
  /** It was served all the same: policy observe. */
  readonly served: boolean;
  readonly times: number;
  readonly lastAt: string;
}

export interface MovedTag {
  readonly name: string;
  readonly expected: Digest;
  readonly found: Digest;
  readonly lastAt: string;
}

/** A record of the audit log, as it is kept; what it means is for `src/audit`. */
export interface AuditRow {
  readonly seq: number;
  readonly time: string;
  /** JSON. */
  readonly event: string;
  readonly previous: string;
  readonly hash: string;
}

/** Sums for people. */
export interface CatalogTotals {
  readonly models: number;
  readonly blobs: number;
  readonly bytes: number;
  readonly refusals: number;
  readonly moved: number;
}
