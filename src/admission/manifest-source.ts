import { createHash } from 'node:crypto';
import { describeCause, KnownError } from '../errors/index.ts';
import {
  type Descriptor,
  type Digest,
  digestFromBytes,
  type Manifest,
  type ModelName,
  parseManifest,
  shortDigest,
  shortName,
} from '../oci/index.ts';
import type { ApprovedList } from './approved-list.ts';

/** A manifest that was read and held against what is known of it. */
export interface CheckedManifest {
  readonly digest: Digest;
  readonly bytes: Buffer;
  readonly mediaType: string;
  readonly manifest: Manifest;
}

/** Where the bytes of a manifest may come from. */
export interface ManifestSources {
  readonly approved: ApprovedList | undefined;
  /** A manifest with this digest that was admitted before. */
  readonly admitted: (digest: Digest) => Promise<Buffer | undefined>;
  /** @throws KnownError what upstream says */
  readonly upstream: () => Promise<Buffer>;
}

export type ManifestFound =
  | { readonly kind: 'found'; readonly checked: CheckedManifest }
  /** Upstream has other bytes under this tag than the list approves. */
  | { readonly kind: 'moved'; readonly found: Digest };

/**
 * The manifest of a listed model: beside the list, from an earlier admission, or from upstream, whichever has the
 * approved bytes first.
 *
 * @throws KnownError MANIFEST_REFUSED, and what upstream says
 */
export async function listedManifest(
  name: ModelName,
  wanted: Digest,
  { approved, admitted, upstream }: ManifestSources,
): Promise<ManifestFound> {
  const beside = approved?.companions.manifest(wanted);
  const here = beside instanceof Uint8Array ? Buffer.from(beside) : await admitted(wanted);
  const bytes = here ?? (await upstream());
  const found = digestOf(bytes);
  return found === wanted ? { kind: 'found', checked: checkManifest(name, bytes) } : { kind: 'moved', found };
}

export const digestOf = (bytes: Uint8Array): Digest =>
  digestFromBytes(createHash('sha256').update(bytes).digest());

/** @throws KnownError MANIFEST_REFUSED where two readers could read it differently, or it is none, or contradicts itself */
export function checkManifest(name: ModelName, bytes: Buffer): CheckedManifest {
  const refuse = (problem: string) =>
    new KnownError('MANIFEST_REFUSED', { name: shortName(name), problem: describeCause(problem) });
  const reading = parseManifest(bytes);
  if (!reading.ok) throw refuse(reading.problems[0]?.detail ?? 'it is no manifest');
  const { manifest } = reading;
  const sizes = new Map<Digest, number>();
  for (const { digest, size } of [...manifest.layers, manifest.config]) {
    const other = sizes.get(digest) ?? size;
    if (other !== size) throw refuse(`it gives ${shortDigest(digest)} two sizes, ${other} and ${size}`);
    sizes.set(digest, size);
  }
  return { digest: digestOf(bytes), bytes, mediaType: manifest.mediaType, manifest };
}

/** Config and layers, each blob once, in the order in which Ollama asks for them. */
export const blobsOf = ({ config, layers }: Manifest): Descriptor[] => [
  ...new Map([...layers, config].map((entry) => [entry.digest, entry])).values(),
];
