import { createPrivateKey, sign } from 'node:crypto';
import { KnownError } from '../errors/index.ts';
import type { OllamaIdentity } from './settings.ts';

const magic = Buffer.from('openssh-key-v1\0');
const algorithm = 'ssh-ed25519';

/** PKCS#8 of an Ed25519 key up to its 32 secret bytes (RFC 8410, section 7). */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * The identity of an Ollama installation, from its `id_ed25519`: an unencrypted Ed25519 key in OpenSSH's own format
 * (PROTOCOL.key of OpenSSH).
 *
 * @throws KnownError KEY_UNUSABLE
 */
export function parseOllamaKey(text: string): OllamaIdentity {
  const refuse = (problem: string) => new KnownError('KEY_UNUSABLE', { problem });
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\sA-Za-z0-9+/=]+)-----END OPENSSH PRIVATE KEY-----/.exec(
    text,
  )?.[1];
  if (body === undefined) throw refuse('it is no id_ed25519 as Ollama makes it');
  const bytes = Buffer.from(body, 'base64');
  if (!bytes.subarray(0, magic.length).equals(magic)) throw refuse('it is no id_ed25519 as Ollama makes it');
  const outer = new Fields(bytes.subarray(magic.length));
  if (outer.text() !== 'none') throw refuse('it is encrypted, and Ollama uses keys that are not');
  outer.skip(2);
  outer.number();
  const publicBlob = outer.bytes();
  const inner = new Fields(outer.bytes());
  // Two equal numbers show that nothing was encrypted.
  const [first, second] = [inner.number(), inner.number()];
  if (first !== second) throw refuse('it is damaged');
  if (inner.text() !== algorithm) throw refuse('it is no Ed25519 key');
  inner.skip(1);
  const secret = inner.bytes();
  if (secret.length !== 64) throw refuse('it is damaged');
  const der = Buffer.concat([pkcs8Head, secret.subarray(0, 32)]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { publicKey: publicBlob.toString('base64'), sign: (data) => sign(null, data, key) };
}

/** Fields with their length before them (RFC 4251, section 5). */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(): number {
    if (this.#at + 4 > this.#bytes.length) throw new KnownError('KEY_UNUSABLE', { problem: 'it is cut off' });
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  bytes(): Buffer {
    const length = this.number();
    if (this.#at + length > this.#bytes.length)
      throw new KnownError('KEY_UNUSABLE', { problem: 'it is cut off' });
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return this.bytes().toString('latin1');
  }

  skip(fields: number): void {
    for (let field = 0; field < fields; field += 1) this.bytes();
  }
}
