import { blobName } from '../archive/index.ts';
import { type Digest, parseDigest } from '../oci/index.ts';
import type { OfferedFiles } from '../renewal/index.ts';

/**
 * The files of an archive as a mirror would offer them. Exact manifests of a list are the manifests among the blobs.
 *
 * @param known a manifest that this side has, where the archive does not bring it
 */
export const offeredBy = (
  files: ReadonlyMap<string, Buffer>,
  known: (digest: Digest) => Promise<Buffer | undefined> = async () => undefined,
): OfferedFiles => ({
  async get(name, limit) {
    const hex = /^manifests\/([0-9a-f]{64})$/.exec(name)?.[1];
    const digest = hex === undefined ? undefined : parseDigest(`sha256:${hex}`);
    const bytes =
      digest === undefined ? files.get(name) : (files.get(blobName(digest)) ?? (await known(digest)));
    return bytes !== undefined && bytes.length <= limit ? bytes : undefined;
  },
});
