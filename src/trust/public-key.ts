import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { KnownError } from '../errors/index.ts';

export type KeyAlgorithm = 'ecdsa-p256' | 'ed25519';

/** A key that may verify. Two texts of one key have one id. */
export interface PublicKey {
  /** SHA-256 of the SPKI DER, hexadecimal: what distinct signers are told apart by. */
  readonly id: string;
  /** The same bytes in base64, as cosign writes the hint of a bundle. */
  readonly hint: string;
  readonly algorithm: KeyAlgorithm;
  /** SPKI, PEM with lines of 64 characters. */
  readonly pem: string;
  verifies(data: Uint8Array, signature: Uint8Array): boolean;
}

/** A PEM key is some hundred bytes. */
export const keySizeLimit = 64 * 1024;

const refuse = (problem: string) => new KnownError('KEY_UNUSABLE', { problem });

/**
 * A public key from PEM (`PUBLIC KEY`, SPKI): ECDSA P-256 or Ed25519.
 *
 * @throws KnownError KEY_IS_PRIVATE when it is a private one, KEY_UNUSABLE otherwise
 */
export function parsePublicKey(text: string): PublicKey {
  if (/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text)) throw new KnownError('KEY_IS_PRIVATE');
  const blocks = text.match(/-----BEGIN [A-Z0-9 ]+-----/g) ?? [];
  if (blocks.length !== 1 || blocks[0] !== '-----BEGIN PUBLIC KEY-----') {
    throw refuse('it is not one PEM block "PUBLIC KEY"');
  }
  let key: KeyObject;
  try {
    key = createPublicKey({ key: text, format: 'pem' });
  } catch (error) {
    throw new KnownError('KEY_UNUSABLE', { problem: 'its PEM cannot be read' }, error);
  }
  return publicKeyFrom(key);
}

/** @throws KnownError KEY_UNUSABLE for other kinds than ECDSA P-256 and Ed25519 */
export function publicKeyFrom(key: KeyObject): PublicKey {
  const algorithm = algorithmOf(key);
  const spelled = algorithm === 'ecdsa-p256' ? spelledOneWay(key) : key;
  const digest = createHash('sha256')
    .update(spelled.export({ type: 'spki', format: 'der' }))
    .digest();
  return {
    id: digest.toString('hex'),
    hint: digest.toString('base64'),
    algorithm,
    pem: spelled.export({ type: 'spki', format: 'pem' }).toString(),
    verifies(data, signature) {
      try {
        return verify(algorithm === 'ed25519' ? null : 'sha256', data, spelled, signature);
      } catch {
        return false;
      }
    },
  };
}

/**
 * The same point, uncompressed on the named curve. OpenSSL keeps a compressed point and a curve that is spelled out in
 * its parameters as it read them: one key would have several ids, and its holder would count as several signers.
 */
const spelledOneWay = (key: KeyObject): KeyObject =>
  createPublicKey({ key: key.export({ format: 'jwk' }), format: 'jwk' });

export function algorithmOf(key: KeyObject): KeyAlgorithm {
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519';
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === 'ec' && curve === 'prime256v1') return 'ecdsa-p256';
  throw refuse(
    `it is ${curve ?? key.asymmetricKeyType ?? 'of an unknown kind'}, neither ECDSA P-256 nor Ed25519`,
  );
}
