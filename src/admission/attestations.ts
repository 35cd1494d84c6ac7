import { createHash } from 'node:crypto';
import type { AllowList } from '../allow-list/index.ts';
import { type Digest, digestFromBytes, manifestMediaTypes } from '../oci/index.ts';
import { attestedSubjects, bundleMediaType } from '../trust/index.ts';
import type { Referrer } from './answers.ts';

const artifactManifest = 'application/vnd.oci.image.manifest.v1+json';

/** The empty configuration of an artifact (OCI image-spec 1.1, "Guidance for an Empty Descriptor"). */
const emptyConfig = Buffer.from('{}');
const emptyConfigType = 'application/vnd.oci.empty.v1+json';

/** An artifact that exists in memory only, made of a bundle in a way that gives the same bytes every time. */
export interface SmallFile {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

const digestOf = (bytes: Uint8Array): Digest => digestFromBytes(createHash('sha256').update(bytes).digest());

/**
 * Sigstore bundles about listed models as OCI referrers, in the form in which cosign 3 attaches and finds them: an
 * artifact manifest whose one layer is the bundle. Whoever reads a bundle verifies it; it is no part of a model.
 */
export class Attestations {
  readonly #manifests = new Map<Digest, SmallFile>();
  readonly #blobs = new Map<Digest, SmallFile>();
  readonly #bySubject = new Map<Digest, Referrer[]>();

  /** @param bundles one Sigstore bundle each; one that names no listed manifest is left out */
  constructor(list: AllowList, bundles: readonly Buffer[]) {
    const sizes = new Map([...list.models.values()].map(({ manifest }) => [manifest.digest, manifest.size]));
    for (const bundle of bundles) {
      const attested = attestedSubjects(bundle);
      for (const subject of new Set(attested?.subjects)) {
        const size = sizes.get(subject);
        if (size !== undefined) this.#attach(bundle, attested?.predicateType ?? '', subject, size);
      }
    }
  }

  of(subject: Digest): readonly Referrer[] {
    return this.#bySubject.get(subject) ?? [];
  }

  manifest(digest: Digest): SmallFile | undefined {
    return this.#manifests.get(digest);
  }

  blob(digest: Digest): SmallFile | undefined {
    return this.#blobs.get(digest);
  }

  #attach(bundle: Buffer, predicateType: string, subject: Digest, size: number): void {
    const annotations = {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': predicateType,
    };
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: artifactManifest,
        artifactType: bundleMediaType,
        config: this.#keep(emptyConfig, emptyConfigType),
        layers: [this.#keep(bundle, bundleMediaType)],
        subject: { mediaType: manifestMediaTypes[0], digest: subject, size },
        annotations,
      }),
    );
    const digest = digestOf(bytes);
    if (this.#manifests.has(digest)) return;
    this.#manifests.set(digest, { mediaType: artifactManifest, bytes });
    const referrer = {
      mediaType: artifactManifest,
      digest,
      size: bytes.length,
      artifactType: bundleMediaType,
    };
    this.#bySubject.set(subject, [...this.of(subject), { ...referrer, annotations }]);
  }

  #keep(bytes: Buffer, mediaType: string) {
    const digest = digestOf(bytes);
    this.#blobs.set(digest, { mediaType, bytes });
    return { mediaType, digest, size: bytes.length };
  }
}
