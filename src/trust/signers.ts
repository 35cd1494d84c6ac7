import { createHash } from 'node:crypto';
import { KnownError } from '../errors/index.ts';
import { digestFromBytes } from '../oci/index.ts';
import type { Signer } from './approvals.ts';
import { identitySigner, type KeylessVerifier, keylessVerifier } from './identity-signer.ts';
import { keySigner } from './key-signer.ts';
import type { Role, TrustPolicy } from './policy.ts';

/** Reads `trusted_root.json`, as it lies beside the policy; undefined when it is not there. */
export type ReadTrustedRoot = () => Uint8Array | undefined;

/**
 * The signers of one role of a policy. The trusted root is read, held against its pin and loaded only when needed.
 *
 * @param dated hold the dates of keys against the clock; false for the steps of a chain that lie in the past, where
 * only the last policy's dates count (TUF specification 5.3.4 to 5.3.10)
 */
export function signersOf(
  policy: TrustPolicy,
  role: Role,
  readTrustedRoot: ReadTrustedRoot,
  dated: boolean,
): Signer[] {
  let verifier: Promise<KeylessVerifier> | undefined;
  const load = () => {
    verifier ??= loadPinned(policy, readTrustedRoot);
    return verifier;
  };
  const keys = policy.keys
    .filter(({ name }) => role.signers.includes(name))
    .map(({ name, key, from, to }) => (dated ? keySigner(name, key, from, to) : keySigner(name, key)));
  const identities = policy.identities
    .filter(({ name }) => role.signers.includes(name))
    .map(({ name, san, issuer }) => identitySigner(name, { san, issuer }, load));
  return [...keys, ...identities];
}

async function loadPinned(policy: TrustPolicy, read: ReadTrustedRoot): Promise<KeylessVerifier> {
  const bytes = read();
  if (bytes === undefined) {
    throw new KnownError('TRUSTED_ROOT_UNUSABLE', {
      problem: 'trusted_root.json does not lie beside the policy',
    });
  }
  if (digestFromBytes(createHash('sha256').update(bytes).digest()) !== policy.trustedRoot) {
    throw new KnownError('TRUSTED_ROOT_UNUSABLE', {
      problem: 'trusted_root.json is not the one the policy pins',
    });
  }
  return keylessVerifier(bytes);
}
