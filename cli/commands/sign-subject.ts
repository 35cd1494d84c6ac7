import type { AllowList } from '../../src/allow-list/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import {
  approvalLines,
  type Claim,
  listPredicateType,
  parseBundle,
  parsePolicy,
  parseStatement,
  policySizeLimit,
  readPolicy,
  type TrustPolicy,
  trustPredicateType,
  trustSchema,
} from '../../src/trust/index.ts';
import { parseListFile, readListBytes } from './list-file.ts';

/** What is to be approved: a list, or a trust policy. */
export interface Subject {
  readonly path: string;
  readonly bytes: Buffer;
  readonly predicateType: Claim['predicateType'];
  readonly listId: string;
  readonly version: number;
  readonly list: AllowList | undefined;
  readonly policy: TrustPolicy | undefined;
}

/** @throws KnownError LIST_UNREADABLE, LIST_MALFORMED, TRUST_MALFORMED */
export function readSubject(path: string): Subject {
  const bytes = readListBytes(path);
  if (saysPolicy(bytes)) {
    const policy = parsePolicy(bytes);
    const { listId, version } = policy;
    return { path, bytes, predicateType: trustPredicateType, listId, version, list: undefined, policy };
  }
  const list = parseListFile(path, bytes);
  const { listId, version } = list;
  return { path, bytes, predicateType: listPredicateType, listId, version, list, policy: undefined };
}

/** Only to choose the parser; a text within a text does not count, its quotes are escaped. */
const saysPolicy = (bytes: Buffer): boolean =>
  bytes.length <= policySizeLimit &&
  new RegExp(`(?<!\\\\)"schema"\\s*:\\s*"${trustSchema}"`).test(bytes.toString('utf8'));

/** The policy that `--trust` names, for a list. @throws KnownError TRUST_*, USAGE when it is for another list */
export function policyFor({ list, listId }: Subject, trust: string | undefined): TrustPolicy | undefined {
  if (trust === undefined) return undefined;
  if (list === undefined) throw new KnownError('USAGE', { problem: 'a policy is approved without --trust' });
  const { policy } = readPolicy(trust);
  if (policy.listId === listId) return policy;
  throw new KnownError('USAGE', {
    problem: `the policy ${trust} is for the list ${policy.listId}, not for ${listId}`,
  });
}

/**
 * The version of the policy that the approval names. A policy is approved under itself; a list under the one the
 * signer named, else under the one that the approval names which is joined: two that differ do not count together.
 */
export function trustVersionOf(
  subject: Subject,
  policy: TrustPolicy | undefined,
  digest: string,
  approvals: Buffer,
): number {
  if (subject.policy !== undefined) return subject.policy.version;
  if (policy !== undefined) return policy.version;
  const claims = approvalLines(approvals).flatMap((line) => claimOf(line) ?? []);
  const own = claims.filter((claim) => claim.digest === digest && claim.predicateType === listPredicateType);
  const latest = own.sort((a, b) => b.issued.getTime() - a.issued.getTime())[0];
  return latest?.trustVersion ?? 0;
}

function claimOf(line: Buffer): Claim | undefined {
  const parsed = parseBundle(line);
  if ('problem' in parsed) return undefined;
  const statement = parseStatement(parsed.bundle.payload);
  return 'claim' in statement ? statement.claim : undefined;
}
