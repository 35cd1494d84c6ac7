import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { sealCosignKey } from '../../src/trust/cosign-key.ts';
import { parsePublicKey } from '../../src/trust/public-key.ts';
import { makeKeyPair, parseSigningKey } from '../../src/trust/signing-key.ts';
import { refusedWith } from '../fixtures/refused-with.ts';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const data = Buffer.from('what is signed');
const pkcs8 = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const locked = (key: KeyObject): string =>
  key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'right' }).toString();
const spki = (key: KeyObject): string =>
  createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
const inCosign = (key: KeyObject): string =>
  sealCosignKey(key.export({ type: 'pkcs8', format: 'der' }), 'right', randomBytes);

const say = (passphrase: string) => async () => passphrase;
const neverAsked = async (): Promise<string> => assert.fail('a passphrase was asked for');

/** What the private half signs, the public half verifies. */
async function signs(text: string, ask: () => Promise<string>, half: KeyObject): Promise<void> {
  const key = await parseSigningKey(text, ask);
  const verifier = parsePublicKey(spki(half));
  assert.equal(key.publicKey.id, verifier.id);
  assert.equal(verifier.verifies(data, key.sign(data)), true);
}

const kinds: readonly (readonly [string, KeyObject])[] = [
  ['ECDSA P-256', ec.privateKey],
  ['Ed25519', ed.privateKey],
];

for (const [kind, key] of kinds) {
  describe(`a private key, ${kind}`, () => {
    test('in plain PKCS#8 signs, and nobody is asked for a passphrase', async () => {
      await signs(pkcs8(key), neverAsked, key);
      await signs(pkcs8(key).replaceAll('\n', '\r\n'), neverAsked, key);
      await signs(`words before it\n${pkcs8(key)}`, neverAsked, key);
    });

    test('in encrypted PKCS#8 signs with its passphrase, and not with another one or none', async () => {
      await signs(locked(key), say('right'), key);
      await assert.rejects(parseSigningKey(locked(key), say('wrong')), refusedWith('KEY_PASSPHRASE'));
      await assert.rejects(parseSigningKey(locked(key), say('')), refusedWith('KEY_PASSPHRASE'));
    });

    test("in cosign's format signs with its passphrase, and not with another one or none", async () => {
      const text = inCosign(key);
      await signs(text, say('right'), key);
      await signs(text.replaceAll('SIGSTORE', 'COSIGN'), say('right'), key);
      await assert.rejects(parseSigningKey(text, say('wrong')), refusedWith('KEY_PASSPHRASE'));
      await assert.rejects(parseSigningKey(text, say('')), refusedWith('KEY_PASSPHRASE'));
    });
  });
}

describe('a key that cannot sign approvals is refused, and the error says what it is', () => {
  const other: readonly (readonly [string, KeyObject, string])[] = [
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, 'it is secp384r1'],
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'it is rsa'],
    ['Ed448', generateKeyPairSync('ed448').privateKey, 'it is ed448'],
  ];
  for (const [kind, key, words] of other) {
    test(`${kind}, in PKCS#8 and in cosign's format`, async () => {
      const why = refusedWith('KEY_UNUSABLE', `${words}, neither ECDSA P-256 nor Ed25519`);
      await assert.rejects(parseSigningKey(pkcs8(key), neverAsked), why);
      await assert.rejects(parseSigningKey(locked(key), say('right')), why);
      await assert.rejects(parseSigningKey(inCosign(key), say('right')), why);
    });
  }

  test('a public key', async () => {
    await assert.rejects(parseSigningKey(spki(ec.privateKey), neverAsked), refusedWith('KEY_IS_PUBLIC'));
  });

  const sec1 = ec.privateKey.export({ type: 'sec1', format: 'pem' }).toString();
  for (const [name, text, words] of [
    ['SEC1, as openssl ecparam writes it', sec1, '"EC PRIVATE KEY" is neither PKCS#8 nor a key of cosign'],
    ['a certificate', sec1.replaceAll('EC PRIVATE KEY', 'CERTIFICATE'), '"CERTIFICATE" is neither'],
    ['a long label', sec1.replaceAll('EC', 'E'.repeat(500)), `"${'E'.repeat(60)}" is neither`],
    ['nothing', '', 'it is no PEM block'],
    ['words', 'not a key', 'it is no PEM block'],
    ['a block without its end', pkcs8(ec.privateKey).slice(0, -20), 'it is no PEM block'],
    ['a block that ends as another', pkcs8(ec.privateKey).replace('END P', 'END X'), 'it is no PEM block'],
    ['an empty block', '-----BEGIN PRIVATE KEY----- -----END PRIVATE KEY-----', 'its PEM cannot be read'],
    ['a damaged block', pkcs8(ec.privateKey).replace('\nM', '\nA'), 'its PEM cannot be read'],
  ] as const) {
    test(name, async () => {
      await assert.rejects(parseSigningKey(text, neverAsked), refusedWith('KEY_UNUSABLE', words));
    });
  }

  test("something else in cosign's box", async () => {
    const text = sealCosignKey(Buffer.from('no DER'), 'right', randomBytes);
    await assert.rejects(parseSigningKey(text, say('right')), refusedWith('KEY_UNUSABLE'));
  });

  test('no error holds the passphrase or the key', async () => {
    for (const text of [inCosign(ec.privateKey), locked(ec.privateKey)]) {
      const error: unknown = await parseSigningKey(text, say('my secret')).catch((why: unknown) => why);
      assert.ok(error instanceof Error);
      assert.doesNotMatch(`${error.message} ${JSON.stringify(error)}`, /my secret|MIG|BEGIN/);
    }
  });
});

describe('a new pair of keys', () => {
  test('is ECDSA P-256: the private half opens with the passphrase and belongs to the public one', async () => {
    const { privatePem, publicPem, id } = makeKeyPair('right', randomBytes);
    const key = await parseSigningKey(privatePem, say('right'));
    const half = parsePublicKey(publicPem);
    assert.deepEqual([half.algorithm, half.id, key.publicKey.id], ['ecdsa-p256', id, id]);
    assert.equal(half.verifies(data, key.sign(data)), true);
    assert.throws(() => parsePublicKey(privatePem), refusedWith('KEY_IS_PRIVATE'));
  });

  test('is another one each time, and never the same box', () => {
    const [one, two] = [makeKeyPair('x', randomBytes), makeKeyPair('x', randomBytes)];
    assert.notEqual(one.id, two.id);
    assert.notEqual(one.privatePem, two.privatePem);
  });
});
