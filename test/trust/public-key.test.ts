import assert from 'node:assert/strict';
import { createHash, createPublicKey, ECDH, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { KnownError } from '../../src/errors/index.ts';
import { parsePublicKey } from '../../src/trust/public-key.ts';
import { refusedWith } from '../fixtures/refused-with.ts';

const spki = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
const pkcs8 = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const block = (label: string, der: Uint8Array): string => {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
};

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const pem = spki(ec.publicKey);
const der = ec.publicKey.export({ type: 'spki', format: 'der' });
const data = Buffer.from('what is signed');

describe('a public key that may verify', () => {
  test('is ECDSA P-256: it verifies what its private half signed, and nothing else', () => {
    const key = parsePublicKey(pem);
    const signature = sign('sha256', data, ec.privateKey);
    assert.equal(key.algorithm, 'ecdsa-p256');
    assert.equal(key.verifies(data, signature), true);
    assert.equal(key.verifies(Buffer.from('what is not'), signature), false);
    assert.equal(key.verifies(data, sign('sha384', data, ec.privateKey)), false);
    assert.equal(key.verifies(data, signature.subarray(1)), false);
    assert.equal(key.verifies(data, Buffer.alloc(0)), false);
  });

  test('is Ed25519: the same', () => {
    const key = parsePublicKey(spki(ed.publicKey));
    const signature = sign(null, data, ed.privateKey);
    assert.equal(key.algorithm, 'ed25519');
    assert.equal(key.verifies(data, signature), true);
    assert.equal(key.verifies(data, Buffer.alloc(64)), false);
    assert.equal(key.verifies(data, Buffer.alloc(63)), false);
    assert.equal(parsePublicKey(pem).verifies(data, signature), false);
  });

  test('has the SHA-256 of its SPKI as id, and in base64 as the hint that cosign writes', () => {
    const digest = createHash('sha256').update(der).digest();
    const { id, hint, pem: written } = parsePublicKey(pem);
    assert.deepEqual(
      { id, hint, written },
      {
        id: digest.toString('hex'),
        hint: digest.toString('base64'),
        written: pem,
      },
    );
  });
});

describe('one key has one id, however its PEM is written', () => {
  const id = createHash('sha256').update(der).digest('hex');
  const point = (form: 'compressed' | 'hybrid') =>
    Buffer.from(
      ECDH.convertKey(der.subarray(-65), 'prime256v1', undefined, undefined, form) as Buffer<ArrayBuffer>,
    );
  const compressed = Buffer.concat([
    Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
    point('compressed'),
  ]);

  for (const [name, text] of Object.entries({
    'lines that end with CR LF': pem.replaceAll('\n', '\r\n'),
    'no line end after it': pem.trimEnd(),
    'words before and after it': `key of alice\n${pem}that was it\n`,
    'a compressed point': block('PUBLIC KEY', compressed),
    'a hybrid point': block('PUBLIC KEY', Buffer.concat([der.subarray(0, -65), point('hybrid')])),
  })) {
    test(name, () => {
      const key = parsePublicKey(text);
      assert.equal(key.id, id);
      assert.equal(key.pem, pem);
      assert.equal(key.verifies(data, sign('sha256', data, ec.privateKey)), true);
    });
  }

  test('a curve that is spelled out in its parameters', () => {
    const spelled = generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' });
    const named = createPublicKey({ key: spelled.publicKey.export({ format: 'jwk' }), format: 'jwk' });
    assert.notEqual(spki(spelled.publicKey), spki(named));
    assert.equal(parsePublicKey(spki(spelled.publicKey)).id, parsePublicKey(spki(named)).id);
  });
});

describe('no public key', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const sealed = ec.privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'x',
  });

  for (const [name, text] of Object.entries({
    'PKCS#8': pkcs8(ec.privateKey),
    'PKCS#8 with a passphrase': sealed.toString(),
    'of Ed25519': pkcs8(ed.privateKey),
    'SEC1, as openssl writes it': ec.privateKey.export({ type: 'sec1', format: 'pem' }).toString(),
    'of RSA': rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    'of cosign': block('ENCRYPTED SIGSTORE PRIVATE KEY', Buffer.from('{}')),
    'of an older cosign': block('ENCRYPTED COSIGN PRIVATE KEY', Buffer.from('{}')),
    'of OpenSSH': block('OPENSSH PRIVATE KEY', Buffer.from('x')),
    'with its public half before it': pem + pkcs8(ec.privateKey),
  })) {
    test(`a private key ${name} is named as one`, () => {
      assert.throws(() => parsePublicKey(text), refusedWith('KEY_IS_PRIVATE', 'private key where a public'));
    });
  }

  const kinds = 'neither ECDSA P-256 nor Ed25519';
  for (const [name, text, words] of [
    ['RSA', spki(rsa.publicKey), `it is rsa, ${kinds}`],
    [
      'P-384',
      spki(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey),
      `it is secp384r1, ${kinds}`,
    ],
    ['secp256k1', spki(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey), 'it is secp256k1'],
    ['Ed448', spki(generateKeyPairSync('ed448').publicKey), `it is ed448, ${kinds}`],
    ['X25519', spki(generateKeyPairSync('x25519').publicKey), `it is x25519, ${kinds}`],
    ['RSA in PKCS#1', rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString(), 'not one PEM block'],
    ['nothing', '', 'not one PEM block'],
    ['words', 'ssh-ed25519 AAAA alice', 'not one PEM block'],
    ['two keys', pem + spki(ed.publicKey), 'not one PEM block'],
    ['a certificate', block('CERTIFICATE', der), 'not one PEM block'],
    ['a block of zeros', block('PUBLIC KEY', Buffer.alloc(91)), 'its PEM cannot be read'],
    ['half a block', pem.slice(0, 100), 'its PEM cannot be read'],
    [
      'a point off the curve',
      block('PUBLIC KEY', Buffer.concat([der.subarray(0, -1), Buffer.from([(der.at(-1) ?? 0) ^ 1])])),
      'its PEM cannot be read',
    ],
  ] as const) {
    test(`is ${name}, and the error says what it is`, () => {
      assert.throws(() => parsePublicKey(text), refusedWith('KEY_UNUSABLE', words));
    });
  }

  test('with any byte changed: a known error, another key, or another spelling of the same key under the same id', () => {
    const { id } = parsePublicKey(pem);
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const spoiled = Buffer.from(der);
        spoiled[at] = (spoiled[at] ?? 0) ^ change;
        try {
          const key = parsePublicKey(block('PUBLIC KEY', spoiled));
          assert.equal(key.id === id, key.pem === pem);
        } catch (error) {
          assert.ok(error instanceof KnownError && error.code === 'KEY_UNUSABLE', String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
