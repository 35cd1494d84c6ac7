import { type ApprovedList, type CheckedManifest, checkManifest, digestOf } from '../admission/index.ts';
import type { ListedModel } from '../allow-list/index.ts';
import { KnownError } from '../errors/index.ts';
import { type Digest, type ModelName, parseManifest, shortDigest, shortName } from '../oci/index.ts';
import { type OllamaStore, readOneManifest } from '../store/index.ts';
import type { Upstream } from '../upstream/index.ts';

/** What a model should be, and whether its manifest in the store says so. */
export interface WantedModel {
  readonly name: ModelName;
  readonly checked: CheckedManifest;
  /** The manifest in the store is these very bytes. */
  readonly inPlace: boolean;
  readonly listed: ListedModel | undefined;
}

export interface WantedSources {
  readonly store: OllamaStore;
  readonly approved: ApprovedList | undefined;
  readonly upstream: Upstream;
  readonly signal: AbortSignal;
}

/**
 * What a model should be: by the allow-list where there is one, else by its manifest in the store, else, where that is
 * gone or broken, by what its registry says today.
 *
 * @throws KnownError MODEL_NOT_LISTED, LIST_CONTRADICTS, MANIFEST_MOVED, MANIFEST_REFUSED; what upstream says
 */
export async function wantedModel(name: ModelName, sources: WantedSources): Promise<WantedModel> {
  const { store, approved } = sources;
  const stored = storedManifest(store, name);
  if (approved === undefined) {
    const usable = stored !== undefined && parseManifest(stored).ok;
    const bytes = usable ? stored : await fetchManifest(name, name.tag, sources);
    return { name, checked: checkManifest(name, bytes), inPlace: usable, listed: undefined };
  }
  const found = approved.find(name);
  if (found === undefined) {
    const { listId, version } = approved.list;
    throw new KnownError('MODEL_NOT_LISTED', { name: shortName(name), listId, version });
  }
  const wanted = found.model.manifest.digest;
  const inPlace = stored !== undefined && digestOf(stored) === wanted;
  const bytes = inPlace ? stored : await listedBytes(name, wanted, approved, sources);
  const problem = approved.problemWith(found.model, bytes);
  if (problem !== undefined) throw new KnownError('LIST_CONTRADICTS', { name: shortName(name), problem });
  return { name, checked: checkManifest(name, bytes), inPlace, listed: found.model };
}

function storedManifest(store: OllamaStore, name: ModelName): Buffer | undefined {
  try {
    return readOneManifest(store, name);
  } catch {
    // Whatever keeps it from being read, another one takes its place; what cannot be replaced says so then.
    return undefined;
  }
}

/** The exact bytes: beside the list, under the tag, or, where a mirror keeps them, under their digest. */
async function listedBytes(
  name: ModelName,
  wanted: Digest,
  approved: ApprovedList,
  sources: WantedSources,
): Promise<Buffer> {
  const beside = approved.companions.manifest(wanted);
  if (beside instanceof Uint8Array) return Buffer.from(beside);
  const tagged = await fetchManifest(name, name.tag, sources);
  if (digestOf(tagged) === wanted) return tagged;
  const kept = await fetchManifest(name, wanted, sources).catch(() => undefined);
  if (kept !== undefined && digestOf(kept) === wanted) return kept;
  throw new KnownError('MANIFEST_MOVED', {
    name: shortName(name),
    expected: shortDigest(wanted),
    actual: shortDigest(digestOf(tagged)),
  });
}

const fetchManifest = (
  { namespace, model }: ModelName,
  reference: string,
  { upstream, signal }: WantedSources,
): Promise<Buffer> => upstream.manifest(`${namespace}/${model}`, reference, signal);
