import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { describeCause, KnownError } from '../errors/index.ts';
import { makeFolders, removeFile, replaceFile } from '../files/index.ts';
import { digestFromBytes } from '../oci/index.ts';
import { approvalLines, approvalsSizeLimit } from './approvals.ts';
import { statementOf } from './approve.ts';
import { changePolicy, nextVersion, type PolicyChanges } from './edit-policy.ts';
import { parsePolicy, policySizeLimit, type TrustPolicy, writePolicy } from './policy.ts';
import { approvalsPath, earlierPolicyPath, readIfThere, readUpTo } from './trust-files.ts';

export interface EditedPolicy {
  readonly policy: TrustPolicy;
  /** The version that was approved, and is kept beside; undefined while a draft is edited. */
  readonly kept: number | undefined;
}

/** @throws KnownError TRUST_UNREADABLE, TRUST_MALFORMED */
export function readPolicy(path: string): {
  readonly policy: TrustPolicy;
  readonly bytes: Buffer;
  /** Somebody signed these very bytes. */
  readonly approved: boolean;
} {
  let bytes: Buffer;
  let approvals: Buffer | undefined;
  try {
    bytes = readUpTo(path, policySizeLimit);
    approvals = readIfThere(approvalsPath(path), approvalsSizeLimit);
  } catch (error) {
    throw new KnownError('TRUST_UNREADABLE', { path, problem: describeCause(error) }, error);
  }
  const digest = digestFromBytes(createHash('sha256').update(bytes).digest());
  const lines = approvalLines(approvals ?? Buffer.alloc(0));
  const approved = lines.some((line) => statementOf(line).claim?.digest === digest);
  return { policy: parsePolicy(bytes), bytes, approved };
}

/** Writes a first policy. @throws KnownError USAGE when there is one, TRUST_MALFORMED when it cannot be met */
export function createPolicy(path: string, policy: TrustPolicy): void {
  if (readIfThere(path, policySizeLimit) !== undefined) {
    throw new KnownError('USAGE', {
      problem: `${path} is there already; trust rotate makes its next version`,
    });
  }
  write(path, policy);
}

/**
 * Changes a policy in its file. A draft that nobody approved is changed in place; an approved one is kept under its
 * version, with its approvals, and the change becomes the next version, which nobody has approved yet.
 *
 * @throws KnownError TRUST_UNREADABLE, TRUST_MALFORMED, USAGE
 */
export function editPolicy(path: string, changes: PolicyChanges, now: Date, rotate: boolean): EditedPolicy {
  const { policy, bytes, approved } = readPolicy(path);
  const next = approved || rotate;
  const edited = changePolicy(next ? nextVersion(policy, now) : policy, changes);
  const text = writePolicy(edited);
  parsePolicy(Buffer.from(text));
  if (next) keep(path, policy.version, bytes);
  write(path, edited);
  if (next) removeFile(approvalsPath(path));
  return { policy: edited, kept: next ? policy.version : undefined };
}

/** The old version first, then the new one in its place: a crash in between leaves the old one in force. */
function keep(path: string, version: number, bytes: Buffer): void {
  const earlier = earlierPolicyPath(path, version);
  makeFolders(dirname(earlier));
  replaceFile(earlier, bytes, 0o644);
  const approvals = readIfThere(approvalsPath(path), approvalsSizeLimit);
  if (approvals !== undefined) replaceFile(approvalsPath(earlier), approvals, 0o644);
}

function write(path: string, policy: TrustPolicy): void {
  const text = writePolicy(policy);
  parsePolicy(Buffer.from(text));
  replaceFile(path, text, 0o644);
}
