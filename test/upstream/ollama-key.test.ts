import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { describe, test } from 'node:test';
import { parseOllamaKey } from '../../src/upstream/index.ts';
import { refusedWith } from '../fixtures/refused-with.ts';

const field = (bytes: Buffer | string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(bytes));
  return Buffer.concat([length, Buffer.from(bytes)]);
};
const number = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** A key as ssh-keygen and Ollama write it (PROTOCOL.key of OpenSSH). */
function openSsh(cipher = 'none', check = 7) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
  const blob = Buffer.concat([field('ssh-ed25519'), field(raw)]);
  const secret = Buffer.concat([
    ...[number(7), number(check), field('ssh-ed25519'), field(raw), field(Buffer.concat([seed, raw]))],
    ...[field('me@host'), Buffer.from([1, 2, 3])],
  ]);
  const bytes = Buffer.concat([
    ...[Buffer.from('openssh-key-v1\0'), field(cipher), field('none'), field(''), number(1)],
    ...[field(blob), field(secret)],
  ]);
  const lines = bytes.toString('base64').replace(/(.{70})/g, '$1\n');
  return {
    text: `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`,
    publicKey,
    blob,
  };
}

describe('the key of an Ollama installation', () => {
  test('signs as its public half says, which is told as in the ssh-ed25519 line', () => {
    const { text, publicKey, blob } = openSsh();
    const identity = parseOllamaKey(text);
    assert.equal(identity.publicKey, blob.toString('base64'));
    const data = Buffer.from('GET,https://registry.ollama.ai/token,x');
    const spki = publicKey.export({ format: 'der', type: 'spki' });
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    assert.ok(verify(null, data, key, Buffer.from(identity.sign(data))));
  });

  for (const [what, text] of [
    ['that is none', 'hello'],
    ['of another kind', '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----'],
    ['that is encrypted', openSsh('aes256-ctr').text],
    ['that is damaged', openSsh('none', 8).text],
    ['that is cut off', openSsh().text.replace(/\n[^\n]+\n[^\n]+\n-----END/, '\n-----END')],
  ] as const) {
    test(`a text ${what} is refused`, () =>
      assert.throws(() => parseOllamaKey(text), refusedWith('KEY_UNUSABLE')));
  }
});
