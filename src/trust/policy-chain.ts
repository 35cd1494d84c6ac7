import { createHash } from 'node:crypto';
import { KnownError } from '../errors/index.ts';
import { type Digest, digestFromBytes } from '../oci/index.ts';
import { countApprovals } from './approvals.ts';
import { parsePolicy, type TrustPolicy } from './policy.ts';
import { type ReadTrustedRoot, signersOf } from './signers.ts';
import { trustPredicateType } from './statement.ts';

/** One version of a policy: its bytes and its approvals. */
export interface SignedPolicy {
  readonly bytes: Uint8Array;
  readonly approvals: Uint8Array;
}

export interface PolicySource {
  readonly current: SignedPolicy;
  /** An earlier version, kept for hosts that are behind. */
  earlier(version: number): SignedPolicy | undefined;
  readonly readTrustedRoot: ReadTrustedRoot;
}

export interface AcceptedPolicy {
  readonly policy: TrustPolicy;
  readonly digest: Digest;
  /**
   * So many signers of lists left since the remembered policy that they could have approved lists alone: versions that
   * stolen keys may have burnt. A signer who came, or fewer who went, changes nothing of what is remembered.
   */
  readonly listSignersChanged: boolean;
}

/** The policy that a host has, by hand or by memory, and from which every later one must follow. */
export interface PolicyAnchor {
  readonly listId: string;
  readonly version: number;
  readonly digest: Digest;
}

/**
 * From where a chain of policies is followed: from an anchor, or, said aloud, from nothing. Only a policy that a person
 * put in its place by hand may be a first contact; a renewal has an anchor always.
 */
export type PolicyStart = PolicyAnchor | 'first-contact';

export type PolicyOutcome =
  | ({ readonly ok: true } & AcceptedPolicy)
  | {
      readonly ok: false;
      readonly rule:
        | 'trust-not-approved'
        | 'trust-expired'
        | 'trust-rolled-back'
        | 'trust-malformed'
        | 'list-of-another';
      readonly message: string;
    };

/** Versions a host may be behind. */
export const longestChain = 1000;

/**
 * Accepts a trust policy as TUF accepts a root (specification 5.3): at the first contact by its own threshold, later
 * step by step, each version approved by the threshold of the one before and by its own, exactly one higher. Only the
 * expiry of the last one counts. A policy of another list id does not follow, whoever approved it.
 */
export async function acceptPolicy(
  source: PolicySource,
  start: PolicyStart,
  now: Date,
): Promise<PolicyOutcome> {
  try {
    const accepted = await followChain(source, start, now);
    if (accepted.policy.expires > now) return { ok: true, ...accepted };
    const expired = accepted.policy.expires.toISOString();
    return refusal('trust-expired', `the trust policy ${accepted.policy.version} expired on ${expired}`);
  } catch (error) {
    if (error instanceof Refused) return refusal(error.rule, error.message);
    if (error instanceof KnownError) return refusal('trust-malformed', error.message);
    throw error;
  }
}

type Refusal = Extract<PolicyOutcome, { ok: false }>;

const refusal = (rule: Refusal['rule'], message: string): Refusal => ({ ok: false, rule, message });

class Refused extends Error {
  readonly rule: Refusal['rule'];

  constructor(rule: Refusal['rule'], message: string) {
    super(message);
    this.rule = rule;
  }
}

const digestOf = (bytes: Uint8Array): Digest => digestFromBytes(createHash('sha256').update(bytes).digest());

async function followChain(
  source: PolicySource,
  remembered: PolicyStart,
  now: Date,
): Promise<AcceptedPolicy> {
  const { current, readTrustedRoot } = source;
  const last = parsePolicy(current.bytes);
  const digest = digestOf(current.bytes);
  if (remembered === 'first-contact') {
    await demand(last, current, last, now, readTrustedRoot, true);
    return { policy: last, digest, listSignersChanged: false };
  }
  if (last.listId !== remembered.listId) {
    throw new Refused(
      'list-of-another',
      `the trust policy is for the list ${last.listId}, and this host follows the policy of ${remembered.listId}`,
    );
  }
  if (last.version < remembered.version) {
    throw new Refused(
      'trust-rolled-back',
      `the trust policy has version ${last.version}, and ${remembered.version} was accepted before`,
    );
  }
  if (last.version === remembered.version) {
    if (digest === remembered.digest) return { policy: last, digest, listSignersChanged: false };
    throw new Refused(
      'trust-rolled-back',
      `there are two different trust policies of version ${last.version}`,
    );
  }
  if (last.version - remembered.version > longestChain) {
    throw new Refused(
      'trust-not-approved',
      `the trust policy is ${last.version - remembered.version} versions ahead`,
    );
  }
  const first = earlierOf(source, remembered.version);
  if (digestOf(first.bytes) !== remembered.digest) {
    throw new Refused(
      'trust-rolled-back',
      `the kept trust policy ${remembered.version} is not the one accepted before`,
    );
  }
  let before = parsePolicy(first.bytes);
  const start = before;
  for (let version = remembered.version + 1; version <= last.version; version += 1) {
    const signed = version === last.version ? current : earlierOf(source, version);
    const next = parsePolicy(signed.bytes);
    if (next.version !== version || next.listId !== start.listId) {
      throw new Refused(
        'trust-not-approved',
        `the trust policy after ${version - 1} is not version ${version} of the same list`,
      );
    }
    await demand(before, signed, next, now, readTrustedRoot, false);
    await demand(next, signed, next, now, readTrustedRoot, version === last.version);
    before = next;
  }
  return { policy: last, digest, listSignersChanged: couldApproveAlone(start, last) };
}

function earlierOf(source: PolicySource, version: number): SignedPolicy {
  const found = source.earlier(version);
  if (found !== undefined) return found;
  throw new Refused(
    'trust-not-approved',
    `the trust policy ${version} is missing, which leads from the accepted one to this one`,
  );
}

/** The root threshold of `by` approved these bytes as this policy. */
async function demand(
  by: TrustPolicy,
  signed: SignedPolicy,
  policy: TrustPolicy,
  now: Date,
  readTrustedRoot: ReadTrustedRoot,
  dated: boolean,
): Promise<void> {
  const signers = signersOf(by, by.root, readTrustedRoot, dated);
  const { groups, problems } = await countApprovals(signed.approvals, signers, now);
  const digest = digestOf(signed.bytes);
  const fitting = groups.filter(
    ({ claim }) =>
      claim.predicateType === trustPredicateType &&
      claim.digest === digest &&
      claim.size === signed.bytes.length &&
      claim.version === policy.version &&
      claim.listId === policy.listId,
  );
  const most = Math.max(0, ...fitting.map(({ signers }) => signers.length));
  if (most >= by.root.threshold) return;
  const why = problems.length > 0 ? `; ${problems.slice(0, 3).join('; ')}` : '';
  throw new Refused(
    'trust-not-approved',
    `the trust policy ${policy.version} has ${most} of ${by.root.threshold} approvals that policy ${by.version} asks for${why}`,
  );
}

/** Whether the signers of lists who left could have met the old threshold without those who stay (TUF 5.3.11). */
function couldApproveAlone(before: TrustPolicy, after: TrustPolicy): boolean {
  const stays = new Set(listSigners(after));
  const left = listSigners(before).filter((signer) => !stays.has(signer));
  return left.length >= before.list.threshold;
}

/** Who approves lists: keys by id, identities by issuer and name; each once. */
function listSigners(policy: TrustPolicy): string[] {
  const keys = policy.keys.filter(({ name }) => policy.list.signers.includes(name)).map(({ key }) => key.id);
  const identities = policy.identities
    .filter(({ name }) => policy.list.signers.includes(name))
    .map(({ san, issuer }) => JSON.stringify([issuer, san]));
  return [...new Set([...keys, ...identities])];
}
