import { createHash } from 'node:crypto';
import { type Digest, digestFromBytes, parseDigest, parseManifest } from '../oci/index.ts';
import type { CatalogModel } from './rows.ts';

/** A model and its manifest, as the tables have them. */
export interface ModelRow {
  readonly host: string;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
  readonly media_type: string;
  readonly bytes: Uint8Array;
}

/** Digests whose media type is remembered. */
const rememberedLimit = 1000;

/** A row as it stands, for the name and for people. */
export function modelOf({ host, repository, tag, digest, media_type, bytes }: ModelRow): CatalogModel {
  const [namespace = '', model = ''] = repository.split('/');
  return {
    name: { host, namespace, model, tag },
    digest: parseDigest(digest),
    mediaType: media_type,
    bytes: Buffer.from(bytes),
  };
}

/**
 * Reads rows whose columns agree: a model is decided on by the digest that stands beside its manifest, and its bytes are
 * what is served.
 */
export class AgreeingRows {
  /** What manifests say of their own type, by their digests: the bytes of a digest never change. */
  readonly #mediaTypes = new Map<Digest, string | undefined>();

  /** The model; undefined where its manifest is another one than the row says, so that it is fetched again. */
  read(row: ModelRow): CatalogModel | undefined {
    const model = modelOf(row);
    if (digestFromBytes(createHash('sha256').update(model.bytes).digest()) !== model.digest) return undefined;
    const said = this.#mediaTypeOf(model);
    return said === undefined || said === model.mediaType ? model : undefined;
  }

  #mediaTypeOf({ digest, bytes }: CatalogModel): string | undefined {
    if (!this.#mediaTypes.has(digest)) {
      if (this.#mediaTypes.size >= rememberedLimit) this.#mediaTypes.clear();
      const reading = parseManifest(bytes);
      this.#mediaTypes.set(digest, reading.ok ? reading.manifest.mediaType : undefined);
    }
    return this.#mediaTypes.get(digest);
  }
}
