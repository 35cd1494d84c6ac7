import { type Digest, fullName, type ModelName, shortName } from '../oci/index.ts';

/** What an image layout says of a model: the manifest that has its name. */
export interface LayoutModel {
  readonly name: ModelName;
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes of the manifest. */
  readonly size: number;
}

/** A reference as it may stand in an image layout (OCI image-spec 1.1, annotations.md, "org.opencontainers.image.ref.name"). */
const referenceName =
  /^[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*(?:\/[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*)*$/;

/**
 * The two files that make a tar an OCI image layout (OCI image-spec 1.1, image-layout.md). A model is found as
 * `llama3.2/1b`: tools split `FILE:REFERENCE` at a colon, so that there is none in it.
 */
export function layoutFiles(
  models: readonly LayoutModel[],
): readonly { readonly name: string; readonly bytes: Buffer }[] {
  const manifests = models.map(({ name, ...descriptor }) => ({
    ...descriptor,
    annotations: annotationsOf(name),
  }));
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
  return [
    { name: 'oci-layout', bytes: Buffer.from('{"imageLayoutVersion":"1.0.0"}') },
    { name: 'index.json', bytes: Buffer.from(`${JSON.stringify(index, undefined, 2)}\n`) },
  ];
}

/** Names that no reference may have go without one; tools find such a model by its digest. */
function annotationsOf(name: ModelName): Readonly<Record<string, string>> {
  const reference = shortName(name).replace(/:([^:]*)$/, '/$1');
  return {
    'io.containerd.image.name': fullName(name),
    ...(referenceName.test(reference) ? { 'org.opencontainers.image.ref.name': reference } : {}),
  };
}
