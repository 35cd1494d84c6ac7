import { scryptSync } from 'node:crypto';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import * as z from 'zod/mini';
import { KnownError } from '../errors/index.ts';
import { readStrictJson } from '../oci/index.ts';

/**
 * cosign's own format for an encrypted private key: a PEM block whose bytes are JSON, in it PKCS#8 DER sealed with
 * NaCl secretbox under a key from scrypt (cosign: pkg/cosign/keys.go and secure-systems-lab's encrypted package).
 */
export const cosignLabels = ['ENCRYPTED SIGSTORE PRIVATE KEY', 'ENCRYPTED COSIGN PRIVATE KEY'] as const;

/** What cosign writes. */
const cost = { N: 65536, r: 8, p: 1 } as const;

/**
 * A file that asks for more than this is refused: scrypt needs 128 * N * r bytes, and p times the work. cosign's own
 * cost is an eighth of it.
 */
const costLimit = 512 * 1024 * 1024;

const base64 = z.string().check(z.regex(/^[A-Za-z0-9+/]*={0,2}$/));

const schema = z.object({
  kdf: z.object({
    name: z.literal('scrypt'),
    params: z.object({
      N: z.int().check(z.minimum(2)),
      r: z.int().check(z.minimum(1)),
      p: z.int().check(z.minimum(1)),
    }),
    salt: base64,
  }),
  cipher: z.object({ name: z.literal('nacl/secretbox'), nonce: base64 }),
  ciphertext: base64,
});

const rules = { maxDepth: 6, knownKeys: new Set<string>(), integerKeys: new Set(['N', 'r', 'p']) };

const refuse = (problem: string) => new KnownError('KEY_UNUSABLE', { problem });

function keyFrom(
  passphrase: string,
  salt: Uint8Array,
  { N, r, p }: { N: number; r: number; p: number },
): Uint8Array {
  if (128 * N * r * p > costLimit) throw refuse('its scrypt parameters ask for more work than 512 MiB take');
  try {
    return scryptSync(passphrase, salt, 32, { N, r, p, maxmem: 128 * r * (N + p) + 4 * 1024 * 1024 });
  } catch (error) {
    // N that is no power of two, or beyond what r allows (RFC 7914, section 2).
    throw new KnownError('KEY_UNUSABLE', { problem: 'its scrypt parameters make no sense' }, error);
  }
}

/** Seals PKCS#8 DER; `random` gives that many random bytes. */
export function sealCosignKey(
  pkcs8: Uint8Array,
  passphrase: string,
  random: (bytes: number) => Uint8Array,
): string {
  const [salt, nonce] = [random(32), random(24)];
  const sealed = xsalsa20poly1305(keyFrom(passphrase, salt, cost), nonce).encrypt(pkcs8);
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const json = JSON.stringify({
    kdf: { name: 'scrypt', params: cost, salt: text(salt) },
    cipher: { name: 'nacl/secretbox', nonce: text(nonce) },
    ciphertext: text(sealed),
  });
  const lines =
    Buffer.from(json)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${cosignLabels[0]}-----\n${lines.join('\n')}\n-----END ${cosignLabels[0]}-----\n`;
}

/** The PKCS#8 DER in a sealed key. @throws KnownError KEY_UNUSABLE, KEY_PASSPHRASE when the passphrase is not right */
export function openCosignKey(body: string, passphrase: string): Uint8Array {
  const json = readStrictJson(Buffer.from(body.replace(/\s/g, ''), 'base64'), rules);
  const parsed = schema.safeParse(json.ok ? json.value : undefined);
  if (!parsed.success) throw refuse('it is no encrypted key as cosign writes it');
  const { kdf, cipher, ciphertext } = parsed.data;
  const [nonce, salt] = [Buffer.from(cipher.nonce, 'base64'), Buffer.from(kdf.salt, 'base64')];
  if (nonce.length !== 24) throw refuse('its nonce has not 24 bytes');
  const key = keyFrom(passphrase, salt, kdf.params);
  try {
    return xsalsa20poly1305(key, nonce).decrypt(Buffer.from(ciphertext, 'base64'));
  } catch (error) {
    throw new KnownError('KEY_PASSPHRASE', {}, error);
  }
}
