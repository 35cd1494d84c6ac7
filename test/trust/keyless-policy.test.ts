import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import {
  acceptPolicy,
  addApproval,
  addLine,
  parsePolicy,
  prepareApproval,
  type SignedPolicy,
  signingKeyFrom,
  signKeyless,
  type TrustPolicy,
  trustPredicateType,
  writePolicy,
} from '../../src/trust/index.ts';
import { digestOf, listId, requestFor } from '../interop/approval-case.ts';
import { identityTokenOf } from '../interop/identity-token.ts';
import { alice, KeylessSite } from '../interop/keyless-site.ts';

const bob = signingKeyFrom(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);

describe('a trust policy approved without a key', () => {
  let site: KeylessSite;
  before(async () => {
    site = await KeylessSite.start();
  });
  after(() => site.sigstore.stop());

  /** Alice approves policies in version 1; from version 2 on, Bob with his key. */
  function policy(version: 1 | 2): Buffer {
    const role = { signers: [version === 1 ? 'alice' : 'bob'], threshold: 1 };
    const value: TrustPolicy = {
      ...{ listId, version, expires: new Date(Date.now() + 86_400_000), root: role, list: role },
      keys: version === 1 ? [] : [{ name: 'bob', key: bob.publicKey, from: undefined, to: undefined }],
      identities: version === 1 ? [{ name: 'alice', ...alice }] : [],
      ...{ minListVersion: 1, maxValidityDays: 90, graceDays: 0, trustedRoot: digestOf(site.trustedRoot) },
    };
    return Buffer.from(writePolicy(value));
  }

  const preparationOf = (bytes: Buffer, version: number, approvals = '') =>
    prepareApproval(
      requestFor(bytes, {
        ...{ predicateType: trustPredicateType, version, trustVersion: version },
        approvals: Buffer.from(approvals),
      }),
    );

  async function byAlice(bytes: Buffer, version: number, approvals = '', san = alice.san): Promise<string> {
    const preparation = preparationOf(bytes, version, approvals);
    const { url } = site.sigstore;
    const identityToken = identityTokenOf({ iss: alice.issuer, sub: san });
    return addLine(
      preparation,
      await signKeyless(preparation.statement, { identityToken, fulcioUrl: url, rekorUrl: url }),
    );
  }

  const accept = (current: SignedPolicy, first?: SignedPolicy) =>
    acceptPolicy(
      { current, earlier: () => first, readTrustedRoot: () => site.trustedRoot },
      first === undefined
        ? 'first-contact'
        : { listId: parsePolicy(first.bytes).listId, version: 1, digest: digestOf(first.bytes) },
      new Date(),
    );

  test('is accepted at first contact', async () => {
    const bytes = policy(1);
    const outcome = await accept({ bytes, approvals: Buffer.from(await byAlice(bytes, 1)) });
    assert.ok(outcome.ok);
    assert.equal(outcome.policy.version, 1);
  });

  test('hands over to a key, with the approvals of both', async () => {
    const [bytes, next] = [policy(1), policy(2)];
    const first = { bytes, approvals: Buffer.from(await byAlice(bytes, 1)) };
    const ofBob = addApproval(preparationOf(next, 2), bob);
    const half = await accept({ bytes: next, approvals: Buffer.from(ofBob) }, first);
    assert.deepEqual(half, {
      ok: false,
      rule: 'trust-not-approved',
      message:
        'the trust policy 2 has 0 of 1 approvals that policy 1 asks for; approval 1: nobody who may approve signed it, or it was changed after it was signed',
    });
    const both = await accept({ bytes: next, approvals: Buffer.from(await byAlice(next, 2, ofBob)) }, first);
    assert.ok(both.ok);
    assert.deepEqual([both.policy.version, both.listSignersChanged], [2, true]);
  });

  test('is refused when somebody else approved it', async () => {
    const bytes = policy(1);
    const approvals = Buffer.from(await byAlice(bytes, 1, '', 'mallory@example.com'));
    const outcome = await accept({ bytes, approvals });
    assert.equal(outcome.ok ? 'accepted' : outcome.rule, 'trust-not-approved');
  });
});
