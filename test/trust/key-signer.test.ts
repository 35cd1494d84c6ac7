import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseBundle } from '../../src/trust/bundle.ts';
import { keySigner } from '../../src/trust/key-signer.ts';
import { parsePublicKey } from '../../src/trust/public-key.ts';
import { bundle, now, statement, TestSigner } from '../fixtures/signed-list.ts';

const alice = new TestSigner('alice');
const key = parsePublicKey(alice.pem);

function parsed(value: object) {
  const outcome = parseBundle(Buffer.from(JSON.stringify(value)));
  assert.ok('bundle' in outcome);
  return outcome.bundle;
}
const approval = (signer = alice) => bundle(signer, JSON.stringify(statement()));
const later = (milliseconds: number): Date => new Date(now.getTime() + milliseconds);

describe('a signer with a key', () => {
  test('is told apart by the key, not by the name', () => {
    assert.equal(keySigner('alice', key).id, `key:${key.id}`);
    assert.equal(keySigner('bob', key).id, keySigner('alice', key).id);
    assert.equal(keySigner('bob', key).name, 'bob');
  });

  test('accepts what its key signed, whatever the hint says, and nothing else', async () => {
    const signer = keySigner('alice', key);
    const made = approval();
    made.verificationMaterial.publicKey = { hint: 'of somebody else' };
    assert.equal(await signer.accepts(parsed(approval()), now), 'yes');
    assert.equal(await signer.accepts(parsed(made), now), 'yes');
    const others = approval(new TestSigner('mallory'));
    others.verificationMaterial.publicKey = { hint: alice.hint };
    assert.equal(await signer.accepts(parsed(others), now), 'no');
  });

  test('does not accept a certificate, though its key made the signature', async () => {
    const made = approval();
    made.verificationMaterial = { certificate: { rawBytes: 'AAAA' }, tlogEntries: [] };
    assert.equal(await keySigner('alice', key).accepts(parsed(made), now), 'no');
  });

  const early = { problem: 'the key of alice may not approve yet' };
  const over = { problem: 'the key of alice may no longer approve' };
  for (const [name, from, to, expected] of [
    ['the moment its key begins', now, undefined, 'yes'],
    ['a millisecond before', later(1), undefined, early],
    ['the moment its key ends', undefined, now, over],
    ['a millisecond before that', undefined, later(1), 'yes'],
    ['between the two', later(-1), later(1), 'yes'],
    ['after the end of a key that ends before it begins', later(-1), later(-2), over],
  ] as const) {
    test(`is held against the clock: ${name}`, async () => {
      const signer = keySigner('alice', key, from, to);
      assert.deepEqual(await signer.accepts(parsed(approval()), now), expected);
    });
  }

  test('says nothing of its dates about what others signed', async () => {
    const signer = keySigner('alice', key, later(1));
    assert.equal(await signer.accepts(parsed(approval(new TestSigner('mallory'))), now), 'no');
  });
});
