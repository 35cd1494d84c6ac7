import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { approvalLimit } from '../../src/trust/approvals.ts';
import { claimedSigners } from '../../src/trust/index.ts';
import { bundle, statement, TestSigner } from '../fixtures/signed-list.ts';
import { alice, KeylessSite } from '../interop/keyless-site.ts';

describe('whose approvals say that they are', () => {
  const signer = TestSigner.same('carol');
  const line = JSON.stringify(bundle(signer, JSON.stringify(statement())));
  const key = `the key ${Buffer.from(signer.hint, 'base64').toString('hex').slice(0, 12)}`;

  test('keys by their ids, and what cannot be read as that', () => {
    const nameless = line.replace(/"hint":"[^"]*"/, '"hint":""');
    assert.deepEqual(claimedSigners(Buffer.from(`${line}\n\n{}\n${nameless}\n`)), [
      key,
      'an approval that cannot be read',
      'the key without a name',
    ]);
    assert.deepEqual(claimedSigners(Buffer.alloc(0)), []);
  });

  test('certificates by the names in them, and what is no certificate', async () => {
    const site = await KeylessSite.start();
    try {
      const keyless = await site.sign(alice);
      const broken = keyless.replace(/("rawBytes":")[^"]*/, '$1AAAA');
      assert.notEqual(broken, keyless);
      const [named, none] = claimedSigners(Buffer.from(`${keyless}\n${broken}\n`));
      assert.match(named ?? '', new RegExp(`^a certificate of .*${alice.san}`));
      assert.equal(none, 'a certificate that cannot be read');
    } finally {
      site.sigstore.stop();
    }
  });

  test('of so many as count at all', () => {
    const many = Buffer.from(`${line}\n`.repeat(approvalLimit + 10));
    assert.equal(claimedSigners(many).length, approvalLimit);
  });
});
