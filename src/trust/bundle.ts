import * as z from 'zod/mini';
import { readStrictJson } from '../oci/index.ts';
import type { SigningKey } from './signing-key.ts';

/** Sigstore bundle v0.3 (protobuf-specs, sigstore_bundle.proto), in its JSON form. */
export const bundleMediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** DSSE payload type of an in-toto Statement. */
export const payloadType = 'application/vnd.in-toto+json';

/** Largest approval that is read: a line with certificate, log entry and a thousand subjects stays below it. */
export const bundleSizeLimit = 1024 * 1024;

/** One approval as it lies in a file, its form checked and nothing else. */
export interface Bundle {
  /** Who signed, as the bundle says: unsigned, a hint at most. */
  readonly material:
    | { readonly kind: 'key'; readonly hint: string }
    | { readonly kind: 'certificate'; readonly certificate: Buffer };
  readonly payload: Buffer;
  readonly signature: Buffer;
  /** The whole bundle, for a verifier of certificates. */
  readonly json: unknown;
}

/** Standard base64 with its padding, nothing else in it (RFC 4648, section 4): one text for the same bytes. */
const base64 = z.string().check(
  z.refine((text) => Buffer.from(text, 'base64').toString('base64') === text, {
    error: 'is no standard base64',
  }),
);

const schema = z.strictObject({
  mediaType: z.literal(bundleMediaType),
  verificationMaterial: z.strictObject({
    publicKey: z.optional(z.strictObject({ hint: z.optional(z.string().check(z.maxLength(1024))) })),
    certificate: z.optional(z.strictObject({ rawBytes: base64 })),
    tlogEntries: z.optional(z.nullable(z.array(z.looseObject({})).check(z.maxLength(8)))),
    timestampVerificationData: z.optional(
      z.nullable(
        z.strictObject({
          rfc3161Timestamps: z.optional(
            z.array(z.strictObject({ signedTimestamp: base64 })).check(z.maxLength(8)),
          ),
        }),
      ),
    ),
  }),
  dsseEnvelope: z.strictObject({
    payload: base64,
    payloadType: z.literal(payloadType),
    signatures: z
      .array(z.strictObject({ sig: base64, keyid: z.optional(z.string().check(z.maxLength(1024))) }))
      .check(z.length(1)),
  }),
});

const rules = {
  maxDepth: 16,
  knownKeys: new Set([
    ...['mediaType', 'verificationMaterial', 'publicKey', 'hint', 'certificate', 'rawBytes', 'tlogEntries'],
    ...[
      'timestampVerificationData',
      'rfc3161Timestamps',
      'signedTimestamp',
      'dsseEnvelope',
      'payload',
      'payloadType',
    ],
    // Without keyid: a log entry has a key of its own called keyId. The schema refuses the one for the other.
    ...['signatures', 'sig', 'messageSignature'],
  ]),
  integerKeys: new Set<string>(),
};

/** Turns one line into a bundle, or says why it counts for nothing; never throws. */
export function parseBundle(line: Uint8Array): { readonly bundle: Bundle } | { readonly problem: string } {
  if (line.length > bundleSizeLimit)
    return { problem: `it has ${line.length} bytes, more than ${bundleSizeLimit}` };
  const json = readStrictJson(line, rules);
  if (!json.ok) return { problem: `it is refused: ${json.problems[0]?.detail}` };
  const parsed = schema.safeParse(json.value);
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.map(String).join('.').slice(0, 80);
    return { problem: `it is no Sigstore bundle v0.3 with one DSSE signature (${where || 'top level'})` };
  }
  const { verificationMaterial, dsseEnvelope } = parsed.data;
  const { publicKey, certificate } = verificationMaterial;
  if ((publicKey === undefined) === (certificate === undefined)) {
    return { problem: 'it must have either a key or a certificate' };
  }
  return {
    bundle: {
      material:
        publicKey === undefined
          ? { kind: 'certificate', certificate: Buffer.from(certificate?.rawBytes ?? '', 'base64') }
          : { kind: 'key', hint: publicKey.hint ?? '' },
      payload: Buffer.from(dsseEnvelope.payload, 'base64'),
      signature: Buffer.from(dsseEnvelope.signatures[0]?.sig ?? '', 'base64'),
      json: json.value,
    },
  };
}

/** DSSE pre-authentication encoding (secure-systems-lab/dsse, protocol.md): what is really signed. */
export function preAuthentication(payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** Signs a statement with a key: one line of an approvals file, without its line end. */
export function signBundle(statement: Uint8Array, key: SigningKey): string {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  // keyid stays empty: verifiers that know another form of it would skip the signature.
  return JSON.stringify({
    mediaType: bundleMediaType,
    verificationMaterial: { publicKey: { hint: key.publicKey.hint }, tlogEntries: [] },
    dsseEnvelope: {
      payload: text(statement),
      payloadType,
      signatures: [{ sig: text(key.sign(preAuthentication(statement))), keyid: '' }],
    },
  });
}
