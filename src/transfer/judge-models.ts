import {
  type ApprovedList,
  type CheckedManifest,
  checkManifest,
  contradictionSentence,
  decideModel,
  type ListStanding,
  type Policy,
} from '../admission/index.ts';
import { type ArchiveModel, blobName } from '../archive/index.ts';
import { KnownError } from '../errors/index.ts';
import { exitBits } from '../findings/index.ts';
import { type Digest, type ModelName, parseModelName, shortDigest, shortName } from '../oci/index.ts';

/** A model of an archive that may come in. */
export interface WelcomeModel {
  /** As the list spells it, where there is one. */
  readonly name: ModelName;
  readonly checked: CheckedManifest;
  /** The list that allows it; undefined where it is only observed. */
  readonly approved: ApprovedList | undefined;
}

export interface RefusedModel {
  readonly name: ModelName;
  readonly sentence: string;
  /** Of the exit status. */
  readonly bit: number;
}

export interface JudgeRules {
  readonly standing: ListStanding;
  readonly policy: Policy;
  readonly contact: string;
  /** The manifest that this side has under a name already. */
  readonly here: (name: ModelName) => Promise<Digest | undefined>;
}

/**
 * Decides on each model of an archive by the list and the policy of this side. What the sender thought of it does not
 * count.
 *
 * @param files the manifests, held against their digests
 */
export async function judgeModels(
  models: readonly ArchiveModel[],
  files: ReadonlyMap<string, Buffer>,
  rules: JudgeRules,
): Promise<{ readonly welcome: readonly WelcomeModel[]; readonly refused: readonly RefusedModel[] }> {
  const welcome: WelcomeModel[] = [];
  const refused: RefusedModel[] = [];
  for (const model of models) {
    const verdict = await judge(model, files.get(blobName(model.digest)), rules);
    if ('sentence' in verdict) refused.push(verdict);
    else welcome.push(verdict);
  }
  return { welcome, refused };
}

async function judge(
  { name, digest }: ArchiveModel,
  bytes: Buffer | undefined,
  { standing, policy, contact, here }: JudgeRules,
): Promise<WelcomeModel | RefusedModel> {
  const untrusted = (sentence: string) => ({ name, sentence, bit: exitBits.untrusted });
  const decision = decideModel(name, standing, policy, contact);
  if (decision.kind === 'refused') return untrusted(decision.sentence);
  let checked: CheckedManifest;
  try {
    checked = checkManifest(name, bytes ?? Buffer.alloc(0));
  } catch (error) {
    if (!(error instanceof KnownError)) throw error;
    return { name, sentence: error.message, bit: exitBits.altered };
  }
  if (decision.kind === 'listed') {
    const wanted = decision.model.manifest.digest;
    const lie = wanted === digest ? contradictionSentence(name, decision, checked.bytes, contact) : undefined;
    if (lie !== undefined) return untrusted(lie);
    if (wanted === digest)
      return { name: parseModelName(decision.listedAs), checked, approved: decision.approved };
    return untrusted(
      `${shortName(name)} is another one here: the allow-list approves ${shortDigest(wanted)}, and the archive has ${shortDigest(digest)}`,
    );
  }
  const known = await here(name);
  if (known === undefined || known === digest) return { name, checked, approved: undefined };
  return untrusted(
    `${shortName(name)} is here as ${shortDigest(known)}, and the archive has ${shortDigest(digest)}: without an allow-list nothing says which is right`,
  );
}
