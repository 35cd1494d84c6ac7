import { generateKeyPairSync } from 'node:crypto';
import {
  addLine,
  type Preparation,
  prepareApproval,
  type SigningKey,
  signingKeyFrom,
  signKeyless,
  type Trust,
} from '../../src/trust/index.ts';
import { listOf, type PolicyCase, policyCase, requestFor } from './approval-case.ts';
import { identityTokenOf } from './identity-token.ts';
import { type SigstoreStandIn, type StandInOptions, startSigstore } from './sigstore-stand-in.ts';

/** Somebody as a certificate names them. */
export interface Person {
  readonly san: string;
  readonly issuer: string;
}

export const alice: Person = { san: 'alice@example.com', issuer: 'https://accounts.example.com' };

/** Who witnesses the time of a signature: the site's own services, unless somebody else certifies. */
export interface Witnesses {
  readonly rekor?: boolean;
  readonly tsa?: boolean;
  /** Whose Fulcio certifies. */
  readonly at?: SigstoreStandIn;
}

/** The parts of a bundle that tests damage. */
export interface BundleJson {
  verificationMaterial: {
    certificate?: { rawBytes: string };
    publicKey?: { hint: string };
    tlogEntries: { integratedTime: string; inclusionPromise?: object; inclusionProof?: object }[];
    timestampVerificationData?: { rfc3161Timestamps: { signedTimestamp: string }[] };
  };
  dsseEnvelope: { payload: string; signatures: [{ sig: string }] };
}

export const readBundle = (line: string): BundleJson => JSON.parse(line) as BundleJson;

/** A line after somebody changed it. */
export function damaged(line: string, damage: (bundle: BundleJson) => void): string {
  const bundle = readBundle(line);
  damage(bundle);
  return JSON.stringify(bundle);
}

/** A list that people approve without keys, at a Sigstore instance of their own. */
export class KeylessSite {
  readonly list = listOf();
  readonly preparation: Preparation = prepareApproval(requestFor(this.list, { trustVersion: 1 }));
  readonly root: SigningKey = signingKeyFrom(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  readonly sigstore: SigstoreStandIn;
  /** The bytes of `trusted_root.json`. */
  readonly trustedRoot: Buffer;

  private constructor(sigstore: SigstoreStandIn) {
    this.sigstore = sigstore;
    this.trustedRoot = Buffer.from(JSON.stringify(sigstore.trustedRoot));
  }

  static async start(options: StandInOptions = {}): Promise<KeylessSite> {
    return new KeylessSite(await startSigstore(options));
  }

  /** One line, signed by somebody. */
  sign(
    { san, issuer } = alice,
    { rekor = true, tsa = true, at = this.sigstore }: Witnesses = {},
  ): Promise<string> {
    return signKeyless(this.preparation.statement, {
      identityToken: identityTokenOf({ iss: issuer, sub: san }),
      fulcioUrl: at.url,
      rekorUrl: rekor ? this.sigstore.url : undefined,
      tsaUrl: tsa ? this.sigstore.url : undefined,
    });
  }

  approvals(line: string): string {
    return addLine(this.preparation, line);
  }

  /** A policy under which Alice approves. */
  trust(more: Partial<PolicyCase> = {}): Trust {
    return policyCase({
      identities: [{ name: 'alice', ...alice }],
      threshold: 1,
      pinned: this.trustedRoot,
      root: this.root,
      ...more,
    }).trust;
  }
}
