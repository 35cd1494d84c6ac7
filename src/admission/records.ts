import type { Digest, ModelName } from '../oci/index.ts';

/** A model that was admitted: verified, recorded, and served from here. */
export interface AdmittedModel {
  readonly name: ModelName;
  readonly digest: Digest;
  readonly mediaType: string;
  /** The manifest, as it was received. */
  readonly bytes: Buffer;
}

export interface AdmittedBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** What is to be remembered of one admission; all of it, with its audit record, or nothing. */
export interface NewModel extends AdmittedModel {
  readonly blobs: readonly AdmittedBlob[];
  /** Where it came from, for people. */
  readonly source: string;
  /** The list that allowed it; undefined where it was only observed. */
  readonly listDigest: Digest | undefined;
  readonly listVersion: number | undefined;
}

/** What a mirror remembers, as admission sees it: catalog and audit log behind one door. */
export interface Records {
  /** By name without regard to case. */
  find(name: ModelName): Promise<AdmittedModel | undefined>;
  byDigest(digest: Digest): Promise<AdmittedModel | undefined>;
  /** The size of a blob that an admitted model names, in bytes: it was verified with it. */
  blobSize(digest: Digest): Promise<number | undefined>;
  admit(model: NewModel): Promise<void>;
  /** Something was not served, or would not have been. */
  refused(name: ModelName, sentence: string, served: boolean): Promise<void>;
  /** Upstream has other bytes under a tag than were approved or admitted. */
  moved(name: ModelName, expected: Digest, found: Digest): Promise<void>;
  /** `namespace/model` of one host, in code-point order, after `last`, at most `count`. */
  repositories(host: string, count: number, last: string | undefined): Promise<readonly string[]>;
  tags(
    host: string,
    repository: string,
    count: number,
    last: string | undefined,
  ): Promise<readonly string[] | undefined>;
}
