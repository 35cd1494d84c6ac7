import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { KnownError } from '../../src/errors/index.ts';
import { parsePolicy, policySizeLimit, writePolicy } from '../../src/trust/policy.ts';
import { refusedWith } from '../fixtures/refused-with.ts';
import { TestSigner } from '../fixtures/signed-list.ts';
import { policyOf } from '../fixtures/signed-policy.ts';

const [alice, bob] = [new TestSigner('alice'), new TestSigner('bob', 'ed25519')];
const sound = (changes: object = {}) => policyOf([alice, bob], 2, changes);
const parse = (value: unknown) =>
  parsePolicy(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
const text = JSON.stringify(sound());
const trustedRoot = `sha256:${'a'.repeat(64)}`;
const role = (signers: readonly string[], threshold: unknown) => ({
  roles: { ...sound().roles, list: { signers, threshold } },
});
const identity = (name: string, san = 'alice@example.com', issuer = 'https://accounts.example.com') => ({
  ...{ name, san, issuer },
});

describe('a trust policy', () => {
  test('is read with its defaults: 90 days, no grace, every version', () => {
    const policy = parse(sound());
    assert.deepEqual(
      [policy.listId, policy.version, policy.expires, policy.list],
      ['site', 1, new Date('2027-11-01T00:00:00Z'), { signers: ['alice', 'bob'], threshold: 2 }],
    );
    assert.deepEqual([policy.maxValidityDays, policy.graceDays, policy.minListVersion], [90, 0, 1]);
    assert.deepEqual([policy.identities, policy.trustedRoot], [[], undefined]);
  });

  test('is written as it was read, with dates of keys and identities too', () => {
    const [key] = sound().keys;
    const full = sound({
      keys: [{ ...key, from: '2026-01-01T00:00:00Z', to: '2027-01-01T00:00:00Z' }],
      identities: [identity('ci')],
      roles: { root: { signers: ['alice'], threshold: 1 }, list: { signers: ['ci', 'alice'], threshold: 2 } },
      ...{ trustedRoot, minListVersion: 4, maxValidityDays: 30, graceDays: 7 },
    });
    const policy = parse(full);
    const written = writePolicy(policy);
    assert.deepEqual(JSON.parse(written), full);
    assert.equal(writePolicy(parse(written)), written);
  });

  test('may be 1 MiB long, and not one byte longer', () => {
    const padded = text.padEnd(policySizeLimit, ' ');
    assert.equal(parse(padded).version, 1);
    assert.throws(() => parse(`${padded} `), refusedWith('TRUST_MALFORMED', 'more than 1048576'));
  });
});

const pkcs8 = createPrivateKey(
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
).export({ type: 'pkcs8', format: 'pem' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey;

describe('a policy is refused that has', () => {
  const cases: Record<string, readonly [unknown, string]> = {
    'a key twice': [text.replace('{', '{"version":1,'), 'stands twice'],
    'a key in another case': [text.replace('{', '{"Version":1,'), 'is not spelled'],
    'a key with an escape': [text.replace('"version"', '"\\u0076ersion"'), 'written with escapes'],
    'something behind it': [`${text}{}`, 'follow the end'],
    'a byte order mark': [`\ufeff${text}`, 'byte order mark'],
    'another schema': [sound({ schema: 'urn:verify-models:trust:v2' }), 'schema'],
    'no list id': [sound({ listId: '' }), 'listId'],
    'a list id with a line end': [sound({ listId: 'a\nb' }), 'listId'],
    'version 0': [sound({ version: 0 }), 'version'],
    'version 1.0': [text.replace('"version":1', '"version":1.0'), 'not an exact integer'],
    'a date with fractions': [sound({ expires: '2027-11-01T00:00:00.5Z' }), 'expires'],
    'a date in another zone': [sound({ expires: '2027-11-01T00:00:00+01:00' }), 'expires'],
    'a day that does not exist': [sound({ expires: '2027-02-30T00:00:00Z' }), 'is no date'],
    'an hour that does not exist': [sound({ expires: '2027-02-03T24:00:00Z' }), 'is no date'],
    'a threshold below one': [sound(role(['alice'], 0)), 'roles.list.threshold'],
    'a threshold that is negative': [sound(role(['alice'], -1)), 'roles.list.threshold'],
    'a threshold as a text': [sound(role(['alice'], '1')), 'roles.list.threshold'],
    'a threshold above its signers': [sound(role(['alice', 'bob'], 3)), 'wants 3 of 2 signers'],
    'a role without signers': [sound(role([], 1)), 'roles.list.signers'],
    'a signer twice in a role': [sound(role(['bob', 'bob'], 2)), 'names a signer twice'],
    'a signer nobody knows': [sound(role(['mallory'], 1)), 'names mallory'],
    'a name with a space': [sound({ keys: [{ name: 'a b', pem: alice.pem }] }), 'keys.0.name'],
    'a private key': [
      sound({ keys: [{ name: 'alice', pem: String(pkcs8) }] }),
      'the key of alice: this is a private',
    ],
    'a P-384 key': [
      sound({ keys: [{ name: 'alice', pem: String(p384.export({ type: 'spki', format: 'pem' })) }] }),
      'the key of alice: cannot use the key: it is secp384r1',
    ],
    'a key of 4 KiB': [sound({ keys: [{ name: 'alice', pem: alice.pem.padEnd(4097, '\n') }] }), 'keys.0.pem'],
    'identities and no trusted root': [
      sound({ identities: [identity('ci')] }),
      'identities need trustedRoot',
    ],
    'a trusted root that is no digest': [sound({ trustedRoot: 'a' }), 'trustedRoot is no digest'],
    'an identity without a name in the certificate': [
      sound({ identities: [identity('ci', '')], trustedRoot }),
      'identities.0.san',
    ],
    'one identity under two names': [
      sound({ identities: [identity('ci'), identity('bot')], trustedRoot }),
      'under two names',
    ],
    'an identity of the name of a key': [
      sound({ identities: [identity('alice')], trustedRoot }),
      'two signers are called alice',
    ],
    'approvals for 3,651 days': [sound({ maxValidityDays: 3651 }), 'maxValidityDays'],
    'days of grace below zero': [sound({ graceDays: -1 }), 'graceDays'],
    'version 0 as the least list version': [sound({ minListVersion: 0 }), 'minListVersion'],
  };
  for (const [name, [value, words]] of Object.entries(cases)) {
    test(name, () => {
      assert.throws(() => parse(value), refusedWith('TRUST_MALFORMED', words));
    });
  }

  test('one key in two spellings, under two names', () => {
    const again = alice.pem.replaceAll('\n', '\r\n');
    const keys = [...sound().keys, { name: 'twin', pem: again }];
    assert.throws(() => parse(sound({ keys })), refusedWith('TRUST_MALFORMED', 'under two names'));
  });

  test('any bytes at all: a policy or a known error', () => {
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (at, put) => {
        try {
          parse(text.slice(0, at) + put + text.slice(at + 1));
        } catch (error) {
          assert.ok(error instanceof KnownError && error.code === 'TRUST_MALFORMED', String(error));
        }
      }),
      { numRuns: 300 },
    );
  });
});
