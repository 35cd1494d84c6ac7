import { type Digest, fullName, type Manifest, type ModelName } from '../oci/index.ts';
import type { AllowList, ListedDescriptor, ListedModel, TableReference } from './allow-list.ts';

/** A model that was just verified, ready to be listed. */
export interface VerifiedModel {
  readonly name: ModelName;
  readonly manifestDigest: Digest;
  /** Bytes. */
  readonly manifestSize: number;
  readonly manifest: Manifest;
  /** Chunk tables of its big blobs. */
  readonly tables: ReadonlyMap<Digest, TableReference>;
}

export interface ListChanges {
  readonly put: readonly VerifiedModel[];
  /** Full names. */
  readonly remove: readonly string[];
  /** For every model that is put; undefined keeps what was there. */
  readonly note?: string | undefined;
  readonly source?: string | undefined;
}

/**
 * The list after some changes: one version higher, or the very same list when nothing changed. What a person wrote
 * (notes, sources) stays.
 */
export function changeList(before: AllowList, changes: ListChanges): AllowList {
  const models = new Map(before.models);
  for (const name of changes.remove) models.delete(name);
  for (const verified of changes.put) {
    const name = fullName(verified.name);
    models.set(name, listed(verified, before.models.get(name), changes));
  }
  const same = sameModels(before.models, models);
  return same
    ? before
    : { ...before, version: before.version + 1, models: new Map([...models].sort(byName)) };
}

/** A list without models, to be changed into its first version. */
export const emptyList = (listId: string): AllowList => ({
  listId,
  version: 0,
  aliases: new Map(),
  models: new Map(),
});

const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);

function listed(verified: VerifiedModel, before: ListedModel | undefined, changes: ListChanges): ListedModel {
  const { manifestDigest, manifestSize, manifest, tables } = verified;
  const entry = ({ mediaType, digest, size, name }: Manifest['config']): ListedDescriptor => {
    const chunks = tables.get(digest);
    return {
      mediaType,
      digest,
      size,
      ...(name === undefined ? {} : { name }),
      ...(chunks === undefined ? {} : { chunks }),
    };
  };
  const note = changes.note ?? before?.note;
  const source = changes.source ?? before?.source;
  return {
    manifest: { digest: manifestDigest, size: manifestSize },
    config: entry(manifest.config),
    layers: manifest.layers.map(entry),
    ...(source === undefined ? {} : { source }),
    ...(note === undefined ? {} : { note }),
  };
}

function sameModels(a: AllowList['models'], b: AllowList['models']): boolean {
  return (
    a.size === b.size &&
    [...b].every(([name, model]) => JSON.stringify(a.get(name)) === JSON.stringify(model))
  );
}
