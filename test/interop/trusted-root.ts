import { createHash } from 'node:crypto';

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** What a Sigstore instance is known by. */
export interface SigstoreKeys {
  readonly fulcioRoot: Uint8Array;
  readonly timestampChain: readonly Uint8Array[];
  /** SPKI DER. */
  readonly rekor: Uint8Array;
  readonly rekorHost: string;
  readonly certificateLog: Uint8Array;
  readonly since: Date;
}

/** A transparency log as `trusted_root.json` has it; tests damage it. */
export interface TrustedLog {
  readonly baseUrl: string;
  readonly hashAlgorithm: string;
  readonly logId: { readonly keyId: string };
  readonly publicKey: {
    readonly rawBytes: string;
    readonly keyDetails: string;
    readonly validFor?: { readonly start?: string };
  };
}

export interface TrustedRootJson {
  readonly mediaType: string;
  readonly tlogs: readonly TrustedLog[];
  readonly certificateAuthorities: readonly object[];
  readonly ctlogs: readonly TrustedLog[];
  readonly timestampAuthorities: readonly object[];
}

/** `trusted_root.json` (protobuf-specs, sigstore_trustroot.proto) of one instance. */
export function trustedRootOf(keys: SigstoreKeys): TrustedRootJson {
  const validFor = { start: keys.since.toISOString() };
  const log = (baseUrl: string, key: Uint8Array): TrustedLog => ({
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: base64(key), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
    logId: { keyId: base64(createHash('sha256').update(key).digest()) },
  });
  const authority = (commonName: string, chain: readonly Uint8Array[]) => ({
    subject: { organization: 'sigstore.example', commonName },
    uri: `https://${commonName}.sigstore.example`,
    certChain: { certificates: chain.map((certificate) => ({ rawBytes: base64(certificate) })) },
    validFor,
  });
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [log(`https://${keys.rekorHost}`, keys.rekor)],
    certificateAuthorities: [authority('fulcio', [keys.fulcioRoot])],
    ctlogs: [log('https://ctfe.sigstore.example', keys.certificateLog)],
    timestampAuthorities: [authority('tsa', keys.timestampChain)],
  };
}
