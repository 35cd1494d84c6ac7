import { createHash } from 'node:crypto';
import { KnownError } from '../errors/index.ts';
import { type Digest, digestFromBytes } from '../oci/index.ts';
import {
  acceptPolicy,
  approvalsSizeLimit,
  longestChain,
  type PolicyAnchor,
  type PolicySource,
  parsePolicy,
  policySizeLimit,
  type SignedPolicy,
  type TrustPolicy,
} from '../trust/index.ts';
import type { HostMemory } from '../verify/index.ts';
import type { OfferedFiles } from './offered-files.ts';

/** The trust policy by which an offered list is judged. */
export interface OfferedPolicy {
  readonly source: PolicySource;
  /** Versions that the mirror has and this host has not, in order; none where the local one is the newest. */
  readonly newer: readonly { readonly version: number; readonly signed: SignedPolicy }[];
  /** The mirror's trusted root, where the newest policy pins it and the local file is another one. */
  readonly trustedRoot: Buffer | undefined;
}

const digestOf = (bytes: Uint8Array): Digest => digestFromBytes(createHash('sha256').update(bytes).digest());

/**
 * The policy of this host, continued by the versions that a mirror offers. Nothing is believed here: the chain from the
 * local version to the last one is judged with the list.
 *
 * @throws KnownError LIST_NOT_ACCEPTED, TRUST_MALFORMED; what the mirror says
 */
export async function offeredPolicy(local: PolicySource, files: OfferedFiles): Promise<OfferedPolicy> {
  const ownPolicy = parsePolicy(local.current.bytes);
  const own = ownPolicy.version;
  const current = await signedPolicy('trust.json', files);
  const offered = current && parsePolicy(current.bytes);
  if (offered !== undefined) refuseAnother(ownPolicy, offered);
  const version = offered?.version ?? 0;
  if (current === undefined || version <= own) return { source: local, newer: [], trustedRoot: undefined };
  if (version - own > longestChain)
    throw new KnownError('LIST_NOT_ACCEPTED', {
      reason: `the trust policy that is offered is ${version - own} versions ahead`,
    });
  const between = new Map<number, SignedPolicy>();
  for (let step = own + 1; step < version; step += 1) {
    const signed = await signedPolicy(`trust/${step}.json`, files);
    if (signed !== undefined) between.set(step, signed);
  }
  const trustedRoot = await rootOf(current, local, files);
  const earlier = (step: number) =>
    step === own ? local.current : step < own ? local.earlier(step) : between.get(step);
  return {
    source: { current, earlier, readTrustedRoot: () => trustedRoot ?? local.readTrustedRoot() },
    newer: [...between, [version, current] as const].map(([step, signed]) => ({ version: step, signed })),
    trustedRoot,
  };
}

async function signedPolicy(name: string, files: OfferedFiles): Promise<SignedPolicy | undefined> {
  const bytes = await files.get(name, policySizeLimit);
  if (bytes === undefined) return undefined;
  const approvals = await files.get(`${name}.sigstore.jsonl`, approvalsSizeLimit);
  return { bytes, approvals: approvals ?? Buffer.alloc(0) };
}

async function rootOf(
  { bytes }: SignedPolicy,
  local: PolicySource,
  files: OfferedFiles,
): Promise<Buffer | undefined> {
  const pinned = parsePolicy(bytes).trustedRoot;
  const own = local.readTrustedRoot();
  if (pinned === undefined || (own !== undefined && digestOf(own) === pinned)) return undefined;
  const offered = await files.get('trusted_root.json', policySizeLimit);
  return offered !== undefined && digestOf(offered) === pinned ? offered : undefined;
}

/**
 * The policy of this host that an offered one must follow from: what the host remembers of its chain, else the policy
 * that was put here by hand. It is found by what lies here, and never by what is offered.
 *
 * @throws KnownError LIST_NOT_ACCEPTED where the policy here is not in force, or is not the one that is remembered
 */
export async function anchorOf(local: PolicySource, memory: HostMemory, now: Date): Promise<PolicyAnchor> {
  const { listId, version } = parsePolicy(local.current.bytes);
  const known = memory.policyFor(local);
  const outcome = await acceptPolicy(local, known ?? 'first-contact', now);
  // A policy that has expired leads to the next one (TUF specification 5.3.10): only the last one's date counts.
  const usable = outcome.ok || outcome.rule === 'trust-expired';
  // A file that is behind the memory may be followed by what is offered; one that disagrees with it may not.
  const behind = known !== undefined && version < known.version;
  if (!usable && !behind) throw new KnownError('LIST_NOT_ACCEPTED', { reason: outcome.message });
  return known ?? { listId, version, digest: digestOf(local.current.bytes) };
}

/** Nothing of a policy for another list is looked at. @throws KnownError LIST_NOT_ACCEPTED */
function refuseAnother(own: TrustPolicy, offered: TrustPolicy): void {
  if (offered.listId === own.listId) return;
  throw new KnownError('LIST_NOT_ACCEPTED', {
    reason: `the trust policy that is offered is for the list ${offered.listId}, and the one of this host is for ${own.listId}`,
  });
}
