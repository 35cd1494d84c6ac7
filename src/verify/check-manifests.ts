import {
  type AllowList,
  type Companions,
  type Contradiction,
  compareWithManifests,
  type ManifestAtHand,
} from '../allow-list/index.ts';
import { KnownError } from '../errors/index.ts';
import { type Digest, parseModelName, shortName } from '../oci/index.ts';
import { OllamaStore } from '../store/index.ts';
import { besideOf, manifestsOf } from './contradictions.ts';
import { gatherModels } from './gather-models.ts';

/** Names of models that one message tells. */
const namesShown = 3;

/** Where manifests are looked for that do not lie beside a list. */
export interface ManifestCheck {
  /** Absolute path of the store; undefined where none is to be read. @throws KnownError where there is none */
  readonly store: (() => Promise<string>) | undefined;
  readonly followLinksInto: readonly string[];
  readonly signal: AbortSignal;
}

/** How many models of a list were compared with their manifests, and how many could not be. */
export interface CheckedManifests {
  readonly compared: number;
  readonly unseen: number;
}

/**
 * Compares a list with the manifests beside it, and with those of a store where one is missing beside it: a person
 * reads the layers of a list, and only its manifest ties them to the digest that is pinned.
 *
 * @param takesWord the manifests need not all be at hand; those that are must agree
 * @throws KnownError LIST_CONTRADICTS, MANIFESTS_UNSEEN, CANCELLED, STORE_UNREADABLE
 */
export async function checkManifests(
  list: AllowList,
  companions: Companions,
  request: ManifestCheck,
  takesWord: boolean,
): Promise<CheckedManifests> {
  const total = list.models.size;
  const beside = await compareWithManifests(list, (digest) => besideOf(companions, digest));
  assertAgrees(beside.contradictions);
  if (beside.unseen.length === 0) return { compared: total, unseen: 0 };
  const here = await storeManifests(request, beside.unseen.length, takesWord);
  const rest = new Map(beside.unseen.flatMap((name) => entryOf(list, name)));
  const { contradictions, unseen } = await compareWithManifests({ models: rest }, (digest) =>
    here.get(digest),
  );
  assertAgrees(contradictions);
  if (unseen.length > 0 && !takesWord) throw unseenError(unseen, companions.manifests);
  return { compared: total - unseen.length, unseen: unseen.length };
}

const entryOf = ({ models }: AllowList, name: string) => {
  const model = models.get(name);
  return model === undefined ? [] : [[name, model] as const];
};

/** @throws KnownError LIST_CONTRADICTS */
export function assertAgrees([first]: readonly Contradiction[]): void {
  if (first === undefined) return;
  const name = shortName(parseModelName(first.name));
  throw new KnownError('LIST_CONTRADICTS', { name, problem: first.problem });
}

/** None where there is no store and nobody needs one. */
async function storeManifests(
  { store, followLinksInto, signal }: ManifestCheck,
  count: number,
  takesWord: boolean,
): Promise<ReadonlyMap<Digest, ManifestAtHand>> {
  let path: string;
  if (store === undefined) return new Map();
  try {
    path = await store();
  } catch (error) {
    if (!(error instanceof KnownError)) throw error;
    if (takesWord) return new Map();
    throw new KnownError('MANIFESTS_UNSEEN', { count, problem: error.message }, error);
  }
  return readManifestsOf(path, followLinksInto, signal);
}

/** Every manifest of a store by its digest. @throws KnownError STORE_UNREADABLE, CANCELLED */
export async function readManifestsOf(
  path: string,
  followLinksInto: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Digest, ManifestAtHand>> {
  using store = OllamaStore.open(path, followLinksInto, () => {});
  const { models } = await gatherModels(store, () => {}, signal);
  if (signal.aborted) throw new KnownError('CANCELLED');
  return manifestsOf(models);
}

function unseenError(unseen: readonly string[], folder: string): KnownError {
  const names = unseen.slice(0, namesShown).map((name) => shortName(parseModelName(name)));
  const more = unseen.length > names.length ? ` and ${unseen.length - names.length} more` : '';
  const problem = `those of ${names.join(', ')}${more} are neither in the store nor in ${folder}`;
  return new KnownError('MANIFESTS_UNSEEN', { count: unseen.length, problem });
}
