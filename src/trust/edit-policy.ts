import { KnownError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import {
  defaultValidityDays,
  type Role,
  type TrustedIdentity,
  type TrustedKey,
  type TrustPolicy,
} from './policy.ts';

/** Days until a policy expires, by default. */
export const defaultPolicyDays = 365;

const dayLength = 86_400_000;

export type NewSigner =
  | ({ readonly kind: 'key' } & TrustedKey)
  | ({ readonly kind: 'identity' } & TrustedIdentity);

export type RoleName = 'root' | 'list';

export interface PolicyChanges {
  readonly add?: readonly { readonly signer: NewSigner; readonly roles: readonly RoleName[] }[];
  /** Names of signers who lose every role. */
  readonly remove?: readonly string[];
  readonly rootThreshold?: number | undefined;
  readonly listThreshold?: number | undefined;
  readonly minListVersion?: number | undefined;
  readonly maxValidityDays?: number | undefined;
  readonly graceDays?: number | undefined;
  readonly trustedRoot?: Digest | undefined;
}

/** A first policy without signers: version 1, to be changed before anybody can use it. */
export const emptyPolicy = (listId: string, now: Date, days = defaultPolicyDays): TrustPolicy => ({
  listId,
  version: 1,
  expires: inDays(now, days),
  keys: [],
  identities: [],
  root: { signers: [], threshold: 1 },
  list: { signers: [], threshold: 1 },
  minListVersion: 1,
  maxValidityDays: defaultValidityDays,
  graceDays: 0,
  trustedRoot: undefined,
});

/** The next version, valid anew. */
export const nextVersion = (policy: TrustPolicy, now: Date, days = defaultPolicyDays): TrustPolicy => ({
  ...policy,
  version: policy.version + 1,
  expires: inDays(now, days),
});

/** Whole seconds, as the file writes them. */
function inDays(now: Date, days: number): Date {
  return new Date(Math.floor((now.getTime() + days * dayLength) / 1000) * 1000);
}

/**
 * A policy with some changes; what it may not be is found when it is parsed again.
 *
 * @throws KnownError USAGE when a signer who is removed is not there, or one who is added is there already
 */
export function changePolicy(policy: TrustPolicy, changes: PolicyChanges): TrustPolicy {
  const remove = changes.remove ?? [];
  const names = [...policy.keys, ...policy.identities].map(({ name }) => name);
  const stranger = remove.find((name) => !names.includes(name));
  if (stranger !== undefined)
    throw new KnownError('USAGE', { problem: `the policy has no signer called ${stranger}` });
  const stays = ({ name }: { readonly name: string }) => !remove.includes(name);
  const added = changes.add ?? [];
  const twice = added.find(({ signer }) => names.includes(signer.name) && stays(signer));
  if (twice !== undefined) {
    throw new KnownError('USAGE', { problem: `the policy has a signer called ${twice.signer.name} already` });
  }
  const keys = added.flatMap(({ signer }) => (signer.kind === 'key' ? [withoutKind(signer)] : []));
  const identities = added.flatMap(({ signer }) => (signer.kind === 'identity' ? [withoutKind(signer)] : []));
  const role = (title: RoleName, before: Role, threshold: number | undefined): Role => ({
    signers: [
      ...before.signers.filter((name) => stays({ name })),
      ...added.filter(({ roles }) => roles.includes(title)).map(({ signer }) => signer.name),
    ],
    threshold: threshold ?? before.threshold,
  });
  return {
    ...policy,
    keys: [...policy.keys.filter(stays), ...keys],
    identities: [...policy.identities.filter(stays), ...identities],
    root: role('root', policy.root, changes.rootThreshold),
    list: role('list', policy.list, changes.listThreshold),
    minListVersion: changes.minListVersion ?? policy.minListVersion,
    maxValidityDays: changes.maxValidityDays ?? policy.maxValidityDays,
    graceDays: changes.graceDays ?? policy.graceDays,
    trustedRoot: changes.trustedRoot ?? policy.trustedRoot,
  };
}

function withoutKind<T extends { readonly kind: string }>({ kind: _, ...rest }: T): Omit<T, 'kind'> {
  return rest;
}
