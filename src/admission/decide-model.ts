import type { ListedModel } from '../allow-list/index.ts';
import { type Digest, type ModelName, parseModelName, shortDigest, shortName } from '../oci/index.ts';
import type { ApprovedList, ListStanding } from './approved-list.ts';

/** `enforce` serves and fetches what is listed; `observe` serves what is as its manifest says, and notes the rest. */
export type Policy = 'enforce' | 'observe';

export type Decision =
  | {
      readonly kind: 'listed';
      readonly listedAs: string;
      readonly model: ListedModel;
      readonly approved: ApprovedList;
    }
  /** Served as what it is; `wouldRefuse` is what `enforce` would have said. */
  | { readonly kind: 'observed'; readonly wouldRefuse: string | undefined }
  | { readonly kind: 'refused'; readonly sentence: string };

/** Decides on a name, before anything is fetched. */
export function decideModel(
  name: ModelName,
  standing: ListStanding,
  policy: Policy,
  contact: string,
): Decision {
  if (standing.kind === 'none') {
    if (policy === 'observe') return { kind: 'observed', wouldRefuse: undefined };
    return { kind: 'refused', sentence: `this mirror has no allow-list and serves nothing; ask ${contact}` };
  }
  const why = objection(name, standing, contact);
  if (typeof why !== 'string') return why;
  return policy === 'observe' ? { kind: 'observed', wouldRefuse: why } : { kind: 'refused', sentence: why };
}

function objection(
  name: ModelName,
  standing: Exclude<ListStanding, { kind: 'none' }>,
  contact: string,
): string | (Decision & { kind: 'listed' }) {
  if (standing.kind === 'refused')
    return `the allow-list of this mirror is not accepted (${standing.reason}), so nothing is served; ask ${contact}`;
  const { approved } = standing;
  const found = approved.find(name);
  if (found !== undefined) return { kind: 'listed', ...found, approved };
  const near = approved.near(name).map((full) => shortName(parseModelName(full)));
  const meant = near.length === 0 ? '' : `; did you mean ${near.join(' or ')}`;
  const { listId, version } = approved.list;
  return `${shortName(name)} is not on the allow-list ${listId} version ${version}${meant}; ask ${contact}`;
}

/**
 * Why a manifest that the list pins is refused all the same: the list says other things of it. Undefined where they agree,
 * and where no list decides.
 */
export function contradictionSentence(
  name: ModelName,
  decision: Decision,
  bytes: Uint8Array | undefined,
  contact: string,
): string | undefined {
  if (decision.kind !== 'listed') return undefined;
  const { approved, model } = decision;
  const problem = approved.problemWith(model, bytes);
  if (problem === undefined) return undefined;
  const { listId, version } = approved.list;
  return `the allow-list ${listId} version ${version} contradicts the manifest that it pins for ${shortName(name)} (${problem}), so that model is not served; ask ${contact}`;
}

/** Why a listed model cannot be had any more from where it came from. */
export const movedSentence = (name: ModelName, listed: ListedModel, found: Digest, contact: string): string =>
  `${shortName(name)} was changed upstream: the allow-list approves ${shortDigest(listed.manifest.digest)}, and upstream has ${shortDigest(found)} now; ask ${contact}`;

/** Why a model is not fetched whose manifest says something else of a blob than what was verified. */
export const sizeSentence = (name: ModelName, { digest, size }: SizedBlob, known: number, contact: string) =>
  `${shortName(name)} gives the blob ${shortDigest(digest)} ${size} bytes, and the verified blob has ${known}, so nothing is fetched; ask ${contact}`;

/** Why a model has to wait that does not agree with another one which is on its way. */
export const disputeSentence = (
  name: ModelName,
  { blob, otherSize, by }: { readonly blob: SizedBlob; readonly otherSize: number; readonly by: string },
): string =>
  `${shortName(name)} gives the blob ${shortDigest(blob.digest)} ${blob.size} bytes, and ${by}, which is on its way, gives it ${otherSize}; try again in a few minutes`;

interface SizedBlob {
  readonly digest: Digest;
  readonly size: number;
}
