import {
  type AllowList,
  type Companions,
  type Contradiction,
  compareWithManifests,
  differenceFrom,
  type ManifestAtHand,
  manifestAtHand,
  resolveAlias,
} from '../allow-list/index.ts';
import { type Digest, fullName, parseModelName, shortName } from '../oci/index.ts';
import type { ListFact, ListOutcome } from '../trust/index.ts';
import type { GatheredModel } from './gather-models.ts';
import type { ListForCheck } from './list-for-check.ts';

const factOf = ({ name, problem, layer, expected, actual }: Contradiction): ListFact => ({
  ...{ rule: 'list-contradicts-manifest', model: name, layer, expected, actual },
  message: `the allow-list contradicts the manifest that it pins for ${shortName(parseModelName(name))}: ${problem}`,
});

/**
 * What the manifests of a store, and those beside the list of models that the store has otherwise, say against a list.
 * A list that lies about one model is refused whole: whoever approved it did not look.
 */
export function contradictedByStore(
  { outcome, companions }: Pick<ListForCheck, 'outcome' | 'companions'>,
  models: readonly GatheredModel[],
): ListFact[] {
  if (!outcome.accepted) return [];
  const { list } = outcome;
  const here = manifestsOf(models);
  const told = new Set(models.map(({ record }) => fullName(resolveAlias(list, record.name))));
  const facts: ListFact[] = [];
  for (const [name, model] of list.models) {
    const { digest } = model.manifest;
    const found = here.get(digest) ?? (told.has(name) ? besideOf(companions, digest) : undefined);
    const difference = found && differenceFrom(model, found);
    if (difference !== undefined) facts.push(factOf({ name, ...difference }));
  }
  return facts;
}

/** The manifests of a store, by their digests. */
export const manifestsOf = (models: readonly GatheredModel[]): ReadonlyMap<Digest, ManifestAtHand> =>
  new Map(
    models.flatMap(({ record: { manifestDigest, manifestSize: size }, manifest }) =>
      manifestDigest === undefined ? [] : [[manifestDigest, { size, manifest }] as const],
    ),
  );

/** The manifest beside a list. */
export function besideOf(companions: Companions, digest: Digest): ManifestAtHand | undefined {
  const bytes = companions.manifest(digest);
  return typeof bytes === 'string' ? undefined : manifestAtHand(bytes);
}

/**
 * Settles a list where there is no store: by the manifests that lie beside it, and others that are at hand.
 *
 * @param more exact bytes of a manifest, from a catalog or an archive
 */
export async function settleList(
  listed: Pick<ListForCheck, 'outcome' | 'companions' | 'settle'>,
  more: (digest: Digest) => Promise<Uint8Array | undefined> = async () => undefined,
): Promise<ListOutcome<AllowList>> {
  const { outcome, companions } = listed;
  if (!outcome.accepted) return listed.settle([]);
  const { contradictions } = await compareWithManifests(outcome.list, async (digest) => {
    const beside = besideOf(companions, digest);
    const bytes = beside === undefined ? await more(digest) : undefined;
    return bytes === undefined ? beside : manifestAtHand(bytes);
  });
  return listed.settle(contradictions.map(factOf));
}
