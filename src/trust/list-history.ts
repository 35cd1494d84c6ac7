import type { Digest } from '../oci/index.ts';
import type { ApprovalGroup } from './approvals.ts';
import type { ListMemory } from './list-memory.ts';
import { type AcceptanceRules, type ListFact, Refused } from './list-offer.ts';
import type { TrustPolicy } from './policy.ts';
import type { AcceptedPolicy } from './policy-chain.ts';

/**
 * TUF's fast-forward recovery: where the signers who could have burnt versions are gone, those versions are forgotten.
 * Only for a list that was approved under the policy which removed them: an older approval by a signer who stayed is
 * judged by what was remembered.
 */
export function afterRotation(
  recalled: ListMemory | undefined,
  accepted: AcceptedPolicy | undefined,
  trustVersion: number,
): ListMemory | undefined {
  if (recalled === undefined || accepted === undefined || !accepted.listSignersChanged) return recalled;
  if (trustVersion < accepted.policy.version) return recalled;
  const lowered = Math.min(recalled.listVersion, accepted.policy.minListVersion);
  return { ...recalled, listVersion: lowered, listDigest: undefined };
}

/** No older list than one that was accepted, no other of the same version, and what the caller binds it to. */
export function checkMemory(
  { claim }: ApprovalGroup,
  digest: Digest,
  memory: ListMemory | undefined,
  recalled: ListMemory | undefined,
  accepted: AcceptedPolicy | undefined,
  rules: AcceptanceRules,
  facts: ListFact[],
): void {
  const { version } = claim;
  const older = (least: number, why: string) =>
    new Refused('list-rolled-back', `the allow-list has version ${version}, and ${why}`, {
      expected: `${least}`,
      actual: `${version}`,
    });
  if (memory !== undefined && version < memory.listVersion) {
    throw older(memory.listVersion, `${memory.listVersion} was accepted before`);
  }
  const other = memory?.listDigest;
  if (memory !== undefined && version === memory.listVersion && other !== undefined && other !== digest) {
    throw new Refused('list-equivocates', `there are two different allow-lists of version ${version}`, {
      expected: other,
      actual: digest,
    });
  }
  const least = accepted?.policy.minListVersion ?? 1;
  if (version < least) throw older(least, `the trust policy revokes everything before ${least}`);
  if (rules.minVersion !== undefined && version < rules.minVersion) {
    throw older(rules.minVersion, `--min-version asks for ${rules.minVersion}`);
  }
  if (rules.expectDigest !== undefined && rules.expectDigest !== digest) {
    throw new Refused('list-not-expected', 'the allow-list is not the one that --expect-digest names', {
      expected: rules.expectDigest,
      actual: digest,
    });
  }
  if (recalled === undefined) firstContact(claim.listId, digest, accepted, rules, facts);
}

/** The lowest version that any list has: to ask for it is to ask for nothing. */
const lowestVersion = 1;

/** Whether what was given by another way than the list itself tells an old list from the one that is meant. */
export const bindsFirstContact = ({
  expectDigest,
  minVersion = lowestVersion,
}: {
  readonly expectDigest?: string | undefined;
  readonly minVersion?: number | undefined;
}): boolean => expectDigest !== undefined || minVersion > lowestVersion;

/** Nothing on this host can tell an old list from the newest one yet. */
function firstContact(
  listId: string,
  digest: Digest,
  accepted: AcceptedPolicy | undefined,
  rules: AcceptanceRules,
  facts: ListFact[],
): void {
  const pinned = bindsFirstContact(rules);
  const binding = pinned || (accepted !== undefined && accepted.policy.minListVersion > lowestVersion);
  const fingerprint = digest.slice('sha256:'.length, 'sha256:'.length + 12);
  const message = `first contact with the allow-list ${listId}: compare its fingerprint ${fingerprint} with the signer's`;
  const hint = `verify-models --expect-digest ${digest}`;
  const empty =
    rules.minVersion === lowestVersion ? '--min-version 1 binds nothing: every list has it' : undefined;
  if (rules.bound && !binding) {
    const why = empty ?? 'nothing binds this check to a version';
    throw new Refused('first-contact', `${message}; ${why}`, { hint });
  }
  if (pinned) return;
  const told = empty === undefined ? message : `${message}; ${empty}`;
  facts.push({ rule: 'list-first-seen', message: told, hint, actual: fingerprint });
}

/** What this host remembers once the list is accepted. */
export function remembered(
  { claim }: ApprovalGroup,
  digest: Digest,
  memory: ListMemory | undefined,
  accepted: AcceptedPolicy | undefined,
  now: Date,
): ListMemory {
  return {
    listId: claim.listId,
    listVersion: claim.version,
    listDigest: digest,
    trustVersion: accepted?.policy.version ?? memory?.trustVersion ?? 0,
    trustDigest: accepted?.digest ?? memory?.trustDigest,
    ...(accepted === undefined ? {} : { listKeys: listKeyIds(accepted.policy) }),
    lastTime: memory !== undefined && memory.lastTime > now ? memory.lastTime : now,
  };
}

/** Ids of the keys that a policy lets approve lists. */
const listKeyIds = (policy: TrustPolicy): readonly string[] =>
  policy.keys.filter(({ name }) => policy.list.signers.includes(name)).map(({ key }) => key.id);
