import type { Digest } from '../oci/index.ts';
import { OllamaStore } from '../store/index.ts';
import { gatherModels } from './gather-models.ts';

export interface NamedBlobs {
  /** By full name; digests that only seem to be named (in a refused manifest) count too. */
  readonly models: ReadonlyMap<string, ReadonlySet<Digest>>;
  /** SHA-256 of the manifests in which they are named, by full name. */
  readonly manifests: ReadonlyMap<string, Digest>;
  /** False when something under `manifests/` could not be read: what seems unnamed may be named there. */
  readonly complete: boolean;
}

/** Which blobs the manifests of a store name. @throws KnownError STORE_UNREADABLE */
export async function namedBlobs(
  path: string,
  followLinksInto: readonly string[],
  signal: AbortSignal,
): Promise<NamedBlobs> {
  using store = OllamaStore.open(path, followLinksInto, () => {});
  const { models, complete } = await gatherModels(store, () => {}, signal);
  const named = models.map(({ record, manifest, mentions }) => {
    const own =
      manifest === undefined ? [] : [manifest.config, ...manifest.layers].map(({ digest }) => digest);
    return [record.full, new Set([...own, ...mentions])] as const;
  });
  const manifests = models.flatMap(({ record: { full, manifestDigest } }) =>
    manifestDigest === undefined ? [] : [[full, manifestDigest] as const],
  );
  return { models: new Map(named), manifests: new Map(manifests), complete };
}
