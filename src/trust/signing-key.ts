import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { KnownError } from '../errors/index.ts';
import { cosignLabels, openCosignKey, sealCosignKey } from './cosign-key.ts';
import { algorithmOf, type PublicKey, publicKeyFrom } from './public-key.ts';

/** A private key that signs. */
export interface SigningKey {
  readonly publicKey: PublicKey;
  /** DER for ECDSA, 64 bytes for Ed25519. */
  sign(data: Uint8Array): Uint8Array;
}

/** Asked only when the key is encrypted. */
export type AskPassphrase = () => Promise<string>;

const refuse = (problem: string, cause?: unknown) => new KnownError('KEY_UNUSABLE', { problem }, cause);

/**
 * A private key from PEM: PKCS#8, plain or encrypted, or cosign's own encrypted format.
 *
 * @throws KnownError KEY_UNUSABLE, KEY_PASSPHRASE, KEY_IS_PUBLIC
 */
export async function parseSigningKey(text: string, ask: AskPassphrase): Promise<SigningKey> {
  const block = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----/.exec(text);
  if (block === null) throw refuse('it is no PEM block');
  const [, label = '', body = ''] = block;
  if (label === 'PUBLIC KEY') throw new KnownError('KEY_IS_PUBLIC');
  if (cosignLabels.some((known) => known === label)) {
    const der = Buffer.from(openCosignKey(body, await ask()));
    return signingKeyFrom(readKey(() => createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })));
  }
  if (label === 'ENCRYPTED PRIVATE KEY') {
    const passphrase = await ask();
    return signingKeyFrom(
      readKey(() => createPrivateKey({ key: text, format: 'pem', passphrase }), 'KEY_PASSPHRASE'),
    );
  }
  if (label === 'PRIVATE KEY')
    return signingKeyFrom(readKey(() => createPrivateKey({ key: text, format: 'pem' })));
  throw refuse(`"${label.slice(0, 60)}" is neither PKCS#8 nor a key of cosign`);
}

function readKey(read: () => KeyObject, code: 'KEY_UNUSABLE' | 'KEY_PASSPHRASE' = 'KEY_UNUSABLE'): KeyObject {
  try {
    return read();
  } catch (error) {
    throw new KnownError(code, { problem: 'its PEM cannot be read' }, error);
  }
}

export function signingKeyFrom(key: KeyObject): SigningKey {
  const algorithm = algorithmOf(key);
  return {
    publicKey: publicKeyFrom(createPublicKey(key)),
    sign: (data) => sign(algorithm === 'ed25519' ? null : 'sha256', data, key),
  };
}

/** A new ECDSA P-256 pair: the private half sealed in cosign's format, the public one as PEM. */
export function makeKeyPair(
  passphrase: string,
  random: (bytes: number) => Uint8Array,
): { readonly privatePem: string; readonly publicPem: string; readonly id: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  const { pem, id } = publicKeyFrom(publicKey);
  return { privatePem: sealCosignKey(pkcs8, passphrase, random), publicPem: pem, id };
}
