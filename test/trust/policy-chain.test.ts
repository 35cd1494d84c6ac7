import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseDigest } from '../../src/oci/index.ts';
import { acceptPolicy } from '../../src/trust/policy-chain.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import { now, TestSigner } from '../fixtures/signed-list.ts';
import { policyOf, type SignedPolicyFile, signedPolicy } from '../fixtures/signed-policy.ts';

const [alice, bob, carol, dave, erin] = ['alice', 'bob', 'carol', 'dave', 'erin'].map(
  (name) => new TestSigner(name),
) as [TestSigner, TestSigner, TestSigner, TestSigner, TestSigner];

type Versions = readonly (SignedPolicyFile | undefined)[];

/** What becomes of the last version on a host that remembers one of them, counted from 1; 0 is the first contact. */
async function accept(versions: Versions, remembered = 0, at = now) {
  const current = versions.at(-1);
  const known = versions[remembered - 1];
  assert.ok(current);
  const asked: number[] = [];
  const source = {
    current,
    earlier: (version: number) => {
      asked.push(version);
      return versions[version - 1];
    },
    readTrustedRoot: () => undefined,
  };
  const memory =
    known === undefined
      ? 'first-contact'
      : { listId: 'site', version: remembered, digest: parseDigest(sha256(known.bytes)) };
  const outcome = await acceptPolicy(source, memory, at);
  return { outcome, asked };
}

async function verdict(versions: Versions, remembered = 0, at = now): Promise<string> {
  const { outcome } = await accept(versions, remembered, at);
  return outcome.ok ? 'accepted' : `${outcome.rule}: ${outcome.message}`;
}

const two = (signers: readonly TestSigner[], version: number, changes: object = {}) =>
  policyOf(signers, 2, { version, ...changes });
const wants = (version: number, has: number, by: number) =>
  new RegExp(
    `^trust-not-approved: the trust policy ${version} has ${has} of 2 approvals that policy ${by} asks for`,
  );

// One signer leaves at each step: alice goes at 2, bob at 3.
const one = signedPolicy(two([alice, bob, carol], 1), [alice, bob]);
const next = signedPolicy(two([bob, carol, dave], 2), [bob, carol]);
const third = signedPolicy(two([carol, dave, erin], 3), [carol, dave]);

describe('a trust policy', () => {
  test('is accepted at the first contact by its own threshold, whatever its version is', async () => {
    assert.equal(await verdict([one]), 'accepted');
    const { outcome, asked } = await accept([one, next, third]);
    assert.equal(outcome.ok && outcome.policy.version, 3);
    assert.deepEqual(asked, []);
    assert.match(await verdict([signedPolicy(two([alice, bob], 1), [alice])]), wants(1, 1, 1));
    assert.match(await verdict([signedPolicy(two([alice, bob], 1), [alice, alice])]), wants(1, 1, 1));
  });

  test('that is the remembered one needs no approvals again', async () => {
    assert.equal(await verdict([{ bytes: one.bytes, approvals: Buffer.alloc(0) }], 1), 'accepted');
  });

  test('is reached by a host two versions behind, step by step', async () => {
    const { outcome, asked } = await accept([one, next, third], 1);
    assert.deepEqual(outcome.ok && [outcome.policy.version, outcome.listSignersChanged], [3, true]);
    assert.deepEqual(asked, [1, 2]);
    assert.equal(await verdict([one, next, third], 2), 'accepted');
  });

  test('needs the threshold of the one before, and its own', async () => {
    const byNew = signedPolicy(two([bob, carol, dave], 2), [carol, dave]);
    assert.match(await verdict([one, byNew], 1), wants(2, 1, 1));
    const byOld = signedPolicy(two([bob, carol, dave], 2), [alice, bob]);
    assert.match(await verdict([one, byOld], 1), wants(2, 1, 2));
    const byAll = signedPolicy(two([bob, carol, dave], 2), [alice, carol, dave]);
    assert.equal(await verdict([one, byAll], 1), 'accepted');
  });

  test('is not handed on by a signer whom a version in between removed', async () => {
    const last = two([carol, dave, erin], 3);
    const byRemoved = signedPolicy(last, [alice, carol, erin]);
    assert.match(await verdict([one, next, byRemoved], 1), wants(3, 1, 2));
  });

  test('cannot skip a version, nor stand for another one', async () => {
    assert.equal(
      await verdict([one, undefined, third], 1),
      'trust-not-approved: the trust policy 2 is missing, which leads from the accepted one to this one',
    );
    assert.equal(
      await verdict([one, third, third], 1),
      'trust-not-approved: the trust policy after 1 is not version 2 of the same list',
    );
    const elsewhere = signedPolicy(two([bob, carol], 2, { listId: 'elsewhere' }), [bob, carol]);
    assert.equal(
      await verdict([one, elsewhere], 1),
      'list-of-another: the trust policy is for the list elsewhere, and this host follows the policy of site',
    );
    assert.equal(
      await verdict([one, elsewhere, third], 1),
      'trust-not-approved: the trust policy after 1 is not version 2 of the same list',
    );
  });

  test('cannot go back, nor be another one of the same version', async () => {
    const memory = { listId: 'site', version: 2, digest: parseDigest(sha256(next.bytes)) };
    const source = { current: one, earlier: () => undefined, readTrustedRoot: () => undefined };
    const outcome = await acceptPolicy(source, memory, now);
    assert.equal(
      outcome.ok ? '' : outcome.message,
      'the trust policy has version 1, and 2 was accepted before',
    );
    const twin = signedPolicy(two([alice, bob, carol], 1, { graceDays: 3 }), [alice, bob]);
    const again = await acceptPolicy({ ...source, current: twin }, { ...memory, version: 1 }, now);
    assert.equal(again.ok ? '' : again.message, 'there are two different trust policies of version 1');
  });

  test('follows only from the very version that was accepted, not from another of its number', async () => {
    const twin = signedPolicy(two([bob, dave], 1), [bob, dave]);
    const source = {
      current: signedPolicy(two([bob, dave], 2), [bob, dave]),
      earlier: () => twin,
      readTrustedRoot: () => undefined,
    };
    const start = { listId: 'site', version: 1, digest: parseDigest(sha256(one.bytes)) };
    const outcome = await acceptPolicy(source, start, now);
    assert.deepEqual(outcome, {
      ok: false,
      rule: 'trust-rolled-back',
      message: 'the kept trust policy 1 is not the one accepted before',
    });
  });

  test('that is more than a thousand versions ahead is not followed', async () => {
    const far = signedPolicy(two([alice, bob], 1002), [alice, bob]);
    const source = { current: far, earlier: () => assert.fail('asked'), readTrustedRoot: () => undefined };
    const outcome = await acceptPolicy(
      source,
      { listId: 'site', version: 1, digest: parseDigest(sha256(one.bytes)) },
      now,
    );
    assert.equal(outcome.ok ? '' : outcome.message, 'the trust policy is 1001 versions ahead');
  });

  test('counts no approval of a list, of another size, version or id for one of a policy', async () => {
    for (const predicate of [{ version: 2 }, { size: 1 }, { listId: 'elsewhere' }]) {
      const spoiled = signedPolicy(two([alice, bob], 1), [alice, bob], predicate);
      assert.match(await verdict([spoiled]), wants(1, 0, 1));
    }
  });
});

describe('dates', () => {
  const old = { expires: '2026-01-01T00:00:00Z' };

  test('of the last policy count alone: those before it may have expired', async () => {
    const first = signedPolicy(two([alice, bob], 1, old), [alice, bob]);
    const second = signedPolicy(two([alice, bob], 2, old), [alice, bob]);
    const last = signedPolicy(two([alice, bob], 3), [alice, bob]);
    assert.equal(await verdict([first, second, last], 1), 'accepted');
    assert.equal(
      await verdict([first, second], 1),
      'trust-expired: the trust policy 2 expired on 2026-01-01T00:00:00.000Z',
    );
    assert.match(await verdict([first], 1), /^trust-expired/);
  });

  test('a policy holds until the moment it expires', async () => {
    const end = new Date('2027-11-01T00:00:00Z');
    assert.equal(await verdict([one], 0, new Date(end.getTime() - 1)), 'accepted');
    assert.match(await verdict([one], 0, end), /^trust-expired/);
  });

  test('of keys count in the last policy, and not in those before it', async () => {
    const ended = (signers: readonly TestSigner[]) => ({
      keys: signers.map(({ name, pem }) => ({ name, pem, to: '2026-06-01T00:00:00Z' })),
    });
    const first = signedPolicy(two([alice, bob], 1, ended([alice, bob])), [alice, bob]);
    const last = signedPolicy(two([alice, bob], 2), [alice, bob]);
    assert.equal(await verdict([first, last], 1), 'accepted');
    assert.match(await verdict([first]), wants(1, 0, 1));
    const gone = signedPolicy(two([alice, bob], 2, ended([alice, bob])), [alice, bob]);
    assert.match(await verdict([one, gone], 1), wants(2, 0, 2));
  });
});

describe('a broken source', () => {
  test('is malformed when the policy or a step to it cannot be parsed, and says why', async () => {
    const broken = { bytes: Buffer.from('{"schema":1}'), approvals: Buffer.alloc(0) };
    assert.match(await verdict([broken]), /^trust-malformed: not a trust policy: /);
    assert.match(await verdict([one, broken, third], 1), /^trust-malformed: not a trust policy: /);
  });

  test('an error that is none of the policy goes on to the caller', async () => {
    const source = {
      current: next,
      earlier: (): never => {
        throw new RangeError('a bug');
      },
      readTrustedRoot: () => undefined,
    };
    const memory = { listId: 'site', version: 1, digest: parseDigest(sha256(one.bytes)) };
    await assert.rejects(acceptPolicy(source, memory, now), RangeError);
  });
});
