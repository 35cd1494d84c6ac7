import type { BlobStorage } from '../blobs/index.ts';
import { BoundedMap } from '../bounds/index.ts';
import type { Descriptor, Digest, ModelName } from '../oci/index.ts';
import { blobsOf, checkManifest } from './manifest-source.ts';
import type { AdmittedModel } from './records.ts';

/** Manifests of which something is remembered. */
const remembered = 1000;

/** For so long nobody looks again whether the blobs of a manifest are there: a busy tag is asked for thousands of times. */
const lookMs = 1000;

/** Whether admitted models have all their blobs: one may have rotted and been put into quarantine. */
export class WholeModels {
  readonly #storage: Pick<BlobStorage, 'find'>;
  readonly #now: () => Date;
  /** What manifests name, by their digests: read once, not with every request. */
  readonly #parsed = new BoundedMap<Digest, readonly Descriptor[]>(remembered);
  /** When all blobs of a manifest were last seen in their places, in milliseconds since 1970. */
  readonly #seen = new BoundedMap<Digest, number>(remembered);

  constructor(storage: Pick<BlobStorage, 'find'>, now: () => Date) {
    this.#storage = storage;
    this.#now = now;
  }

  /** A model that is not whole is to be fetched again. @throws KnownError MANIFEST_REFUSED, STORAGE_* */
  async has({ name, digest: manifest, bytes }: AdmittedModel): Promise<boolean> {
    const now = this.#now().getTime();
    const seen = this.#seen.get(manifest);
    if (seen !== undefined && Math.abs(now - seen) < lookMs) return true;
    for (const { digest, size } of this.#blobsOf(name, manifest, bytes)) {
      const stored = await this.#storage.find(digest);
      if (stored?.size !== size) return false;
    }
    this.#seen.set(manifest, now);
    return true;
  }

  #blobsOf(name: ModelName, manifest: Digest, bytes: Buffer): readonly Descriptor[] {
    const known = this.#parsed.get(manifest);
    if (known !== undefined) return known;
    const blobs = blobsOf(checkManifest(name, bytes).manifest);
    this.#parsed.set(manifest, blobs);
    return blobs;
  }
}
