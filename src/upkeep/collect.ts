import type { BlobStorage, StoredBlob } from '../blobs/index.ts';
import type { Digest } from '../oci/index.ts';

/**
 * A blob that nobody names is left alone for a day: it may belong to a model whose other blobs are still on their way.
 */
export const graceMs = 24 * 60 * 60 * 1000;

export interface CollectEffects {
  /** Whether an admitted model names it. */
  readonly named: (digest: Digest) => Promise<boolean>;
  readonly now: Date;
}

/** Blobs that no admitted model names, and that have been here for a day. */
export async function* unnamedBlobs(
  storage: BlobStorage,
  { named, now }: CollectEffects,
): AsyncGenerator<StoredBlob> {
  for await (const blob of storage.list()) {
    if (now.getTime() - blob.since.getTime() < graceMs) continue;
    if (!(await named(blob.digest))) yield blob;
  }
}
