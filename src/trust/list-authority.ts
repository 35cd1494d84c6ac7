import { KnownError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import { type ApprovalGroup, approvalLines, countApprovals, type Signer } from './approvals.ts';
import { keySigner } from './key-signer.ts';
import {
  type AcceptanceRules,
  type ExpectedListId,
  type ListHeader,
  type ListOffer,
  Refused,
} from './list-offer.ts';
import { longestValidityDays, parsePolicy, type TrustPolicy } from './policy.ts';
import { type AcceptedPolicy, acceptPolicy, type PolicySource } from './policy-chain.ts';
import { signersOf } from './signers.ts';
import { listPredicateType } from './statement.ts';

const dayLength = 86_400_000;

/** Who may approve, and how many of them must. */
export interface Authority {
  readonly signers: readonly Signer[];
  readonly threshold: number;
  readonly accepted: AcceptedPolicy | undefined;
}

/** Accepts the policy, if there is one, and says whose approvals count. */
export async function authorityOf(
  { trust, bytes }: ListOffer<ListHeader>,
  rules: AcceptanceRules,
): Promise<Authority> {
  if (trust.kind === 'key') {
    return { signers: [keySigner(trust.name, trust.key)], threshold: 1, accepted: undefined };
  }
  const named = policyListId(trust.source);
  if (named !== undefined) checkListId(named, rules.expected, 'trust policy');
  const outcome = await acceptPolicy(trust.source, trust.start, rules.now);
  if (!outcome.ok) {
    throw new Refused(
      outcome.rule,
      `${outcome.message}; no list is accepted under it (${bytes.length} bytes not read)`,
      {
        hint: 'verify-models trust show',
      },
    );
  }
  const { policy } = outcome;
  return {
    signers: signersOf(policy, policy.list, trust.source.readTrustedRoot, true),
    threshold: policy.list.threshold,
    accepted: outcome,
  };
}

/** Under a known place, or beside --list-id, no list and no policy of another id is accepted. */
export function checkListId(
  found: string,
  expected: ExpectedListId | undefined,
  what: 'allow-list' | 'trust policy',
): void {
  if (expected === undefined || expected.listId === found) return;
  throw new Refused('list-of-another', `the ${what} is for the list ${found}, and ${expected.because}`, {
    expected: expected.listId,
    actual: found,
  });
}

/**
 * The list id that a policy of this host speaks of, to find what is remembered of it; undefined where it is no policy.
 * It is parsed for that as strictly as it is judged by: an id that was read here in another way would make a known list
 * a first contact. Never asked of a policy that somebody offers.
 */
export function policyListId({ current }: PolicySource): string | undefined {
  try {
    return parsePolicy(current.bytes).listId;
  } catch (error) {
    // The judgement of the policy says what is wrong with it.
    if (error instanceof KnownError) return undefined;
    throw error;
  }
}

/** The approvals that are enough; of several sufficient groups the one that was issued last. */
export async function sufficientGroup(
  offer: ListOffer<ListHeader>,
  digest: Digest,
  authority: Authority,
  now: Date,
): Promise<ApprovalGroup> {
  if (approvalLines(offer.approvals, 1).length === 0) {
    throw new Refused('list-unsigned', 'nobody has approved the allow-list', { hint: 'verify-models sign' });
  }
  const { groups, problems } = await countApprovals(offer.approvals, authority.signers, now);
  const lists = groups.filter(({ claim }) => claim.predicateType === listPredicateType);
  const fitting = lists.filter(({ claim }) => claim.digest === digest && claim.size === offer.bytes.length);
  const enough = fitting.filter(({ signers }) => signers.length >= authority.threshold);
  const latest = enough.sort((a, b) => b.claim.issued.getTime() - a.claim.issued.getTime())[0];
  if (latest !== undefined) return latest;
  const signedOther = lists[0];
  if (fitting.length === 0 && signedOther !== undefined) {
    const by = signedOther.signers.map(({ name }) => name).join(', ');
    throw new Refused(
      'list-changed',
      `the allow-list is not the one that was approved by ${by}: its bytes differ`,
      {
        expected: signedOther.claim.digest,
        actual: digest,
      },
    );
  }
  const most = Math.max(0, ...fitting.map(({ signers }) => signers.length));
  const by = fitting.flatMap(({ signers }) => signers.map(({ name }) => name)).join(', ') || 'nobody';
  const why = problems.length > 0 ? `; ${problems.slice(0, 3).join('; ')}` : '';
  throw new Refused(
    'list-not-approved',
    `the allow-list has ${most} of ${authority.threshold} approvals, by ${by}${why}`,
    {
      hint: 'verify-models sign',
    },
  );
}

/** The claim speaks of the policy's list, knows no newer policy, and is not valid for too long. */
export function checkPolicyFits({ claim }: ApprovalGroup, policy: TrustPolicy | undefined): void {
  if (policy !== undefined && claim.listId !== policy.listId) {
    throw new Refused(
      'list-of-another',
      `the allow-list is ${claim.listId}, and the trust policy is for ${policy.listId}`,
    );
  }
  if (policy !== undefined && claim.trustVersion > policy.version) {
    throw new Refused(
      'trust-rolled-back',
      `the allow-list was approved under trust policy ${claim.trustVersion}, and this one is ${policy.version}`,
    );
  }
  const days = (claim.expires.getTime() - claim.issued.getTime()) / dayLength;
  const longest = policy?.maxValidityDays ?? longestValidityDays;
  if (days > longest) {
    throw new Refused(
      'list-not-approved',
      `the approval is valid for ${Math.ceil(days)} days, more than ${longest}`,
    );
  }
}
