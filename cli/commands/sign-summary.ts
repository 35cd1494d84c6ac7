import { existsSync } from 'node:fs';
import { KnownError } from '../../src/errors/index.ts';
import { printable } from '../../src/report/index.ts';
import {
  approvalLines,
  approvalsPath,
  earlierPolicyPath,
  type Preparation,
  readPolicy,
  type TrustPolicy,
} from '../../src/trust/index.ts';
import type { CheckedManifests } from '../../src/verify/index.ts';
import { carried, counted, nextLine } from './context.ts';
import type { SignFlags } from './sign-flags.ts';
import type { Subject } from './sign-subject.ts';

export interface SignedSubject {
  readonly subject: Subject;
  readonly policy: TrustPolicy | undefined;
  readonly preparation: Preparation;
  /** The whole approvals file. */
  readonly text: string;
  readonly keyId: string | undefined;
  /** How the list was compared with the manifests that it pins; undefined for a policy. */
  readonly manifests: CheckedManifests | undefined;
  readonly tables: number | 'unseen';
  readonly flags: SignFlags;
}

const day = (date: Date): string => date.toISOString().slice(0, 10);

/** What was approved, what it counts for, and the command that uses it. */
export function signSummary(signed: SignedSubject): string {
  const { subject, preparation, text, manifests, tables, flags } = signed;
  const { claim, joined, dropped, kept } = preparation;
  const what = subject.list === undefined ? 'trust policy' : 'allow-list';
  const approvals = counted(approvalLines(Buffer.from(text)).length, 'approval');
  const lines = [
    `approved the ${what} ${subject.listId} version ${subject.version}, ${claim.digest}`,
    `valid until ${day(subject.policy?.expires ?? claim.expires)}; ${approvals} in ${printable(approvalsPath(subject.path))}`,
    ...manifestLines(manifests),
    ...(tables === 'unseen' ? ['warning: the chunk tables were not held against their blobs'] : []),
    ...(typeof tables === 'number' && tables > 0
      ? [`${counted(tables, 'chunk table')} held against the bytes of the blobs`]
      : []),
    ...(joined ? ['it joins the statement that others signed: they count together'] : []),
    ...(!joined && kept.length > 0
      ? [
          `${counted(kept.length, 'approval')} of another statement stay: they do not count together with this one`,
        ]
      : []),
    ...(dropped > 0 ? [`${counted(dropped, 'approval')} of other bytes dropped`] : []),
    ...strangerLines(signed),
    `fingerprint ${claim.digest.slice(7, 19)}   (hosts see it at their first contact)`,
  ];
  return `${lines.join('\n')}\n${nextLine(nextWords(signed), flags)}`;
}

/** A person reads the layers of a list; whether the pinned manifests name them is for the program to see. */
function* manifestLines(manifests: CheckedManifests | undefined): Generator<string> {
  if (manifests === undefined) return;
  const { compared, unseen } = manifests;
  if (compared > 0) yield `${counted(compared, 'model')} compared with the manifest that the list pins`;
  if (unseen > 0)
    yield `warning: the manifests of ${counted(unseen, 'model')} are not at hand: nobody saw here what they name`;
}

/** A signature by a key that no policy names is in order, and counts for nothing. */
function* strangerLines({ subject, policy, keyId, flags }: SignedSubject): Generator<string> {
  if (keyId === undefined) return;
  const known =
    policy === undefined
      ? subject.policy === undefined || rootKeys(subject.path, subject.policy).has(keyId)
      : keysOf(policy, policy.list.signers).has(keyId);
  const by = printable(flags.trust ?? subject.path);
  if (!known) yield `warning: ${by} names no signer with this key: the approval will not count`;
}

const keysOf = ({ keys }: TrustPolicy, signers: readonly string[]): ReadonlySet<string> =>
  new Set(keys.filter(({ name }) => signers.includes(name)).map(({ key }) => key.id));

/** The next policy is approved by the signers of the one before, too. */
function rootKeys(path: string, policy: TrustPolicy): ReadonlySet<string> {
  const own = keysOf(policy, policy.root.signers);
  try {
    const { policy: before } = readPolicy(earlierPolicyPath(path, policy.version - 1));
    return new Set([...own, ...keysOf(before, before.root.signers)]);
  } catch (error) {
    if (error instanceof KnownError) return own;
    throw error;
  }
}

function nextWords({ subject: { path, list }, preparation, flags }: SignedSubject): string[] {
  if (list === undefined) return ['trust', 'show', '--trust', path];
  const { key, trust } = flags;
  // An identity needs a policy, and so does an approval that names one.
  const policy =
    trust ?? (key === undefined || preparation.claim.trustVersion > 0 ? 'trust.json' : undefined);
  const by = policy === undefined ? ['--key', publicKeyOf(key ?? '')] : ['--trust', policy];
  return ['check', '--allow-list', path, ...by, ...carried(flags)];
}

/** The public key lies beside the private one when keygen made both. */
function publicKeyOf(key: string): string {
  const publicKey = key.replace(/\.key$/, '.pub');
  return publicKey !== key && existsSync(publicKey) ? publicKey : 'KEY.pub';
}
