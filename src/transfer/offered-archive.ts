import { blobName } from '../archive/index.ts';
import { parseDigest } from '../oci/index.ts';
import type { OfferedFiles } from '../renewal/index.ts';

/** The files of an archive as a mirror would offer them. Exact manifests of a list are the manifests among the blobs. */
export const offeredBy = (files: ReadonlyMap<string, Buffer>): OfferedFiles => ({
  async get(name, limit) {
    const hex = /^manifests\/([0-9a-f]{64})$/.exec(name)?.[1];
    const bytes = files.get(hex === undefined ? name : blobName(parseDigest(`sha256:${hex}`)));
    return bytes !== undefined && bytes.length <= limit ? bytes : undefined;
  },
});
