import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseBundle } from '../../src/trust/bundle.ts';
import { parsePolicy } from '../../src/trust/policy.ts';
import { signersOf } from '../../src/trust/signers.ts';
import { bundle, now, statement, TestSigner } from '../fixtures/signed-list.ts';
import { policyOf } from '../fixtures/signed-policy.ts';

const [alice, bob] = [new TestSigner('alice'), new TestSigner('bob')];
const identity = { name: 'ci', san: 'ci@example.com', issuer: 'https://accounts.example.com' };
const policy = parsePolicy(
  Buffer.from(
    JSON.stringify(
      policyOf([alice, bob], 1, {
        keys: [
          { name: 'alice', pem: alice.pem },
          { name: 'bob', pem: bob.pem, to: '2026-01-01T00:00:00Z' },
        ],
        identities: [identity],
        roles: {
          root: { signers: ['alice'], threshold: 1 },
          list: { signers: ['ci', 'bob'], threshold: 1 },
        },
        trustedRoot: `sha256:${'a'.repeat(64)}`,
      }),
    ),
  ),
);

function parsed(value: object) {
  const outcome = parseBundle(Buffer.from(JSON.stringify(value)));
  assert.ok('bundle' in outcome);
  return outcome.bundle;
}
const payload = JSON.stringify(statement());
const unread = (): never => assert.fail('the trusted root was read');

describe('the signers of a role', () => {
  test('are those that the role names, keys and identities, and nobody else', () => {
    const names = (role: typeof policy.root) => signersOf(policy, role, unread, true).map(({ name }) => name);
    assert.deepEqual(names(policy.root), ['alice']);
    assert.deepEqual(names(policy.list), ['bob', 'ci']);
  });

  test('have the dates of their keys, except in the steps of a chain that lie in the past', async () => {
    const byBob = parsed(bundle(bob, payload));
    const [dated] = signersOf(policy, policy.list, unread, true);
    const [undated] = signersOf(policy, policy.list, unread, false);
    assert.deepEqual(await dated?.accepts(byBob, now), { problem: 'the key of bob may no longer approve' });
    assert.equal(await undated?.accepts(byBob, now), 'yes');
  });

  test('read no trusted root for an approval by a key', async () => {
    for (const signer of signersOf(policy, policy.list, unread, false).slice(1)) {
      assert.equal(await signer.accepts(parsed(bundle(bob, payload)), now), 'no');
    }
  });

  test('read the trusted root once for any number of certificates, and say when it is not the pinned one', async () => {
    let reads = 0;
    const read = () => {
      reads += 1;
      return Buffer.from('another root');
    };
    const [, ci] = signersOf(policy, policy.list, read, true);
    const made = { ...bundle(bob, payload), verificationMaterial: { certificate: { rawBytes: 'AAAA' } } };
    const problem =
      'its certificate is refused: cannot use the trusted root: trusted_root.json is not the one the policy pins';
    assert.deepEqual(await ci?.accepts(parsed(made), now), { problem });
    assert.deepEqual(await ci?.accepts(parsed(made), now), { problem });
    assert.equal(reads, 1);
  });
});
