import { type Digest, fullName, type Manifest, type ModelName } from '../oci/index.ts';
import { type AllowList, type ListedDescriptor, type ListedModel, resolveAlias } from './allow-list.ts';
import { changedLayers, type LayerChange } from './compare-lists.ts';
import { ListIndex } from './list-index.ts';

/** A model as it lies in a store. */
export interface StoredModel {
  readonly name: ModelName;
  /** SHA-256 of the manifest file. */
  readonly manifestDigest: Digest;
  /** Its bytes. */
  readonly manifestSize: number;
  readonly manifest: Manifest;
}

/** What an allow-list says of one model of a store. */
export type Decision =
  | { readonly kind: 'listed'; readonly listedAs: string; readonly model: ListedModel }
  /** Other manifest bytes, the same content in the same order: an older Ollama wrote the file again. */
  | { readonly kind: 'rewritten'; readonly listedAs: string; readonly model: ListedModel }
  /** Listed under this name with other content. */
  | {
      readonly kind: 'differs';
      readonly listedAs: string;
      readonly model: ListedModel;
      readonly changes: readonly LayerChange[];
    }
  /** Its content is listed, under other names. */
  | { readonly kind: 'copy'; readonly of: readonly string[]; readonly model: ListedModel }
  | { readonly kind: 'not-listed'; readonly near: readonly string[] };

/** Names of which a copy is told to be one. */
const namesShown = 3;

/**
 * Decides on one model. A model is what its full name says, aliases applied; content under another name is a copy. The
 * digest of a manifest decides nothing alone: all that the list says of the model must be so.
 */
export function decide(list: AllowList, stored: StoredModel): Decision {
  const listedAs = fullName(resolveAlias(list, stored.name));
  const model = list.models.get(listedAs);
  if (model !== undefined) return compareWithListed(listedAs, model, stored);
  const index = ListIndex.of(list);
  const copies = index
    .alike(stored.manifestDigest, stored.manifest.config.digest)
    .filter(([, other]) => sameContent(other, stored.manifest));
  const first = copies[0];
  if (first !== undefined)
    return { kind: 'copy', of: copies.slice(0, namesShown).map(([name]) => name), model: first[1] };
  return { kind: 'not-listed', near: index.near.find(listedAs) };
}

function compareWithListed(
  listedAs: string,
  model: ListedModel,
  { manifestDigest, manifestSize, manifest }: StoredModel,
): Decision {
  const same = sameContent(model, manifest);
  const pinned = model.manifest.digest === manifestDigest;
  if (same && pinned && model.manifest.size === manifestSize) return { kind: 'listed', listedAs, model };
  if (same && !pinned && manifest.plainKeys) return { kind: 'rewritten', listedAs, model };
  return { kind: 'differs', listedAs, model, changes: changedLayers(model, asListed(model, manifest)) };
}

/** Config and layers equal in order, media type, digest, size and name. */
function sameContent(model: ListedModel, manifest: Manifest): boolean {
  const [listed, found] = [
    [model.config, ...model.layers],
    [manifest.config, ...manifest.layers],
  ];
  return (
    listed.length === found.length &&
    listed.every((entry, at) => {
      const other = found[at];
      return (
        entry.mediaType === other?.mediaType &&
        entry.digest === other.digest &&
        entry.size === other.size &&
        entry.name === other.name
      );
    })
  );
}

function asListed(model: ListedModel, manifest: Manifest): ListedModel {
  const plain = ({ mediaType, digest, size, name }: Manifest['config']): ListedDescriptor => ({
    mediaType,
    digest,
    size,
    ...(name === undefined ? {} : { name }),
  });
  return { ...model, config: plain(manifest.config), layers: manifest.layers.map(plain) };
}
