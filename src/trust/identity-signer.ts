import { KnownError } from '../errors/index.ts';
import { readStrictJson } from '../oci/index.ts';
import type { Acceptance, Signer } from './approvals.ts';
import type { Bundle } from './bundle.ts';
import { type Identity, identityIn } from './keyless-identity.ts';

/** What Sigstore's verifier says of one bundle: who signed it, at a time that was witnessed. */
export type KeylessVerifier = (bundle: unknown) => Identity;

/** A signer without a key of its own: a certificate for minutes, and a witnessed time at which it was valid. */
export function identitySigner(
  name: string,
  identity: Identity,
  loadVerifier: () => Promise<KeylessVerifier>,
): Signer {
  return {
    id: `identity:${JSON.stringify([identity.issuer, identity.san])}`,
    name,
    async accepts(bundle: Bundle): Promise<Acceptance> {
      if (bundle.material.kind !== 'certificate') return 'no';
      let signer: Identity;
      try {
        signer = (await loadVerifier())(bundle.json);
      } catch (error) {
        // Whatever the library throws means the same: nobody vouches for this certificate.
        return {
          problem: `its certificate is refused: ${error instanceof Error ? error.message.slice(0, 200) : 'unknown'}`,
        };
      }
      if (signer.san === identity.san && signer.issuer === identity.issuer) return 'yes';
      return { problem: `it is signed by ${signer.san} (${signer.issuer}), whom the policy does not name` };
    },
  };
}

const rules = { maxDepth: 12, knownKeys: new Set<string>(), integerKeys: new Set<string>() };

/**
 * Sigstore's verifier over a trusted root that was pinned: offline, and never without a verified time from a
 * transparency log or a timestamp authority. Loaded only when an approval has a certificate.
 *
 * @throws KnownError TRUSTED_ROOT_UNUSABLE
 */
export async function keylessVerifier(trustedRoot: Uint8Array): Promise<KeylessVerifier> {
  const json = readStrictJson(trustedRoot, rules);
  if (!json.ok)
    throw new KnownError('TRUSTED_ROOT_UNUSABLE', { problem: json.problems[0]?.detail ?? 'no JSON' });
  const [{ TrustedRoot }, { bundleFromJSON }, { toSignedEntity, toTrustMaterial, Verifier }] =
    await Promise.all([
      import('@sigstore/protobuf-specs'),
      import('@sigstore/bundle'),
      import('@sigstore/verify'),
    ]);
  try {
    const root = TrustedRoot.fromJSON(json.value);
    // The library takes a log without a first day as valid since 1970.
    const open = [...root.tlogs, ...root.ctlogs].some((log) => log.publicKey?.validFor?.start === undefined);
    if (open) throw new Error('a log in it does not say since when it is valid');
    const material = toTrustMaterial(root, () => {
      throw new Error('keys are not looked up in a trusted root');
    });
    const verifier = new Verifier(material, {
      tlogThreshold: 0,
      ctlogThreshold: root.ctlogs.length > 0 ? 1 : 0,
      timestampThreshold: 1,
    });
    return (bundle) => {
      const { identity } = verifier.verify(toSignedEntity(bundleFromJSON(bundle)));
      return identityIn(identity);
    };
  } catch (error) {
    const problem = error instanceof Error ? error.message.slice(0, 200) : 'unknown';
    throw new KnownError('TRUSTED_ROOT_UNUSABLE', { problem }, error);
  }
}
