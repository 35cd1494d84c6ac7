import { KnownError } from '../errors/index.ts';
import { type Digest, fullName, type ModelName, parseManifest } from '../oci/index.ts';
import type { ArchiveIndex, ArchiveModel } from './archive-index.ts';
import { blobName } from './entry-names.ts';

const malformed = (problem: string) => new KnownError('ARCHIVE_MALFORMED', { where: 'its index', problem });

/**
 * What an index says of its models is what their manifests say: the media type, and all of their blobs, each there or
 * left out, with its size. A manifest that two readers could read differently is refused where it is judged.
 *
 * @param files the manifests, held against their digests
 * @throws KnownError ARCHIVE_MALFORMED
 */
export function assertDescribed(index: ArchiveIndex, files: ReadonlyMap<string, Buffer>): void {
  const sizes = new Map([
    ...index.leftOut.map(({ digest, size }) => [blobName(digest), size] as const),
    ...index.entries.map(({ name, size }) => [name, size] as const),
  ]);
  for (const model of index.models) assertModel(model, files.get(blobName(model.digest)), sizes);
}

function assertModel(
  { name, mediaType }: ArchiveModel,
  bytes: Buffer | undefined,
  sizes: ReadonlyMap<string, number>,
): void {
  const reading = bytes === undefined ? undefined : parseManifest(bytes);
  if (reading?.ok !== true) return;
  const { manifest } = reading;
  if (manifest.mediaType !== mediaType)
    throw malformed(`${fullName(name)} has another media type than its manifest says`);
  for (const { digest, size } of [manifest.config, ...manifest.layers])
    assertBlob(name, digest, size, sizes.get(blobName(digest)));
}

function assertBlob(name: ModelName, digest: Digest, size: number, said: number | undefined): void {
  if (said === undefined) throw malformed(`it has not all that ${fullName(name)} names: ${digest}`);
  if (said !== size) throw malformed(`${digest} has another size there`);
}
