import { createHash } from 'node:crypto';
import { digestFromBytes } from '../../src/oci/index.ts';
import { printable } from '../../src/report/index.ts';
import {
  acceptPolicy,
  earlierPolicyPath,
  type PolicyOutcome,
  policySizeLimit,
  policySource,
  readIfThere,
  readPolicy,
  type TrustPolicy,
} from '../../src/trust/index.ts';
import { nextLine } from './context.ts';
import type { TrustFlags } from './trust-changes.ts';

const sha256 = (bytes: Uint8Array) => digestFromBytes(createHash('sha256').update(bytes).digest());

/** Whether a policy is in force: for a host that knows the version before, where that is kept, else for a new one. */
export function standingOf(
  path: string,
  { listId, version }: Pick<TrustPolicy, 'listId' | 'version'>,
  now: Date,
): Promise<PolicyOutcome> {
  const before = readIfThere(earlierPolicyPath(path, version - 1), policySizeLimit);
  const start =
    before === undefined ? 'first-contact' : { listId, version: version - 1, digest: sha256(before) };
  return acceptPolicy(policySource(path), start, now);
}

/** Who may approve, how many of them, until when; whether that is in force, and the command to type next. */
export async function policyText(path: string, flags: TrustFlags, now: Date): Promise<string> {
  const { policy, approved, bytes } = readPolicy(path);
  const standing = await standingOf(path, policy, now);
  const state = standing.ok
    ? 'in force'
    : approved
      ? `not in force: ${printable(standing.message)}`
      : 'a draft: nobody has approved it';
  const lines = describePolicy(policy, sha256(bytes), state);
  return `${lines.join('\n')}\n${nextLine(nextWords(path, standing), flags)}`;
}

function nextWords(path: string, standing: PolicyOutcome): string[] {
  if (standing.ok) return ['check', '--allow-list', 'allow-list.json', '--trust', path];
  if (standing.rule === 'trust-expired') return ['trust', 'rotate', '--trust', path];
  return ['sign', path, '--key', 'KEY'];
}

const day = (date: Date): string => date.toISOString().slice(0, 10);

function describePolicy(policy: TrustPolicy, digest: string, state: string): string[] {
  const { root, list, graceDays } = policy;
  const roles = (name: string) =>
    (['root', 'list'] as const).filter((role) => policy[role].signers.includes(name)).join(' and ') ||
    'no role';
  return [
    `trust policy of the list ${policy.listId}, version ${policy.version}, until ${day(policy.expires)}`,
    `state       ${state}`,
    `digest      ${digest}`,
    `lists need  ${list.threshold} of ${list.signers.length} approvals, valid for ${policy.maxValidityDays} days at most, from version ${policy.minListVersion} on`,
    `the next policy needs ${root.threshold} of ${root.signers.length} approvals`,
    ...(graceDays > 0 ? [`an accepted list goes on for ${graceDays} days after it expired`] : []),
    ...policy.keys.map(({ name, key, from, to }) => {
      const dates = `${from === undefined ? '' : ` from ${day(from)}`}${to === undefined ? '' : ` to ${day(to)}`}`;
      return `signer      ${name}: key ${key.id.slice(0, 12)} (${key.algorithm})${dates}, ${roles(name)}`;
    }),
    ...policy.identities.map(
      ({ name, san, issuer }) =>
        `signer      ${name}: ${printable(san)} of ${printable(issuer)}, ${roles(name)}`,
    ),
    ...(policy.trustedRoot === undefined ? [] : [`trusted root ${policy.trustedRoot}`]),
  ];
}
