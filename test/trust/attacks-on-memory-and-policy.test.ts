/** The attacks on a host's memory and on trust policies that the design's checklist names, each under its name. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KnownError } from '../../src/errors/index.ts';
import { parseDigest } from '../../src/oci/index.ts';
import { type ListMemory, parsePolicy, type Trust, trustSchema } from '../../src/trust/index.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import {
  bundle,
  judge,
  list,
  listBytes,
  now,
  statement,
  TestSigner,
  verdict,
} from '../fixtures/signed-list.ts';

const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => new TestSigner(name)) as [
  TestSigner,
  TestSigner,
  TestSigner,
];
const json = (value: unknown): string => JSON.stringify(value);
const line = (signer: TestSigner, predicate: object = {}) =>
  bundle(signer, json(statement(listBytes, predicate)));

const remembered: ListMemory = {
  listId: list.listId,
  listVersion: 3,
  listDigest: parseDigest(sha256(listBytes)),
  trustVersion: 0,
  trustDigest: undefined,
  lastTime: now,
};

describe('what a host remembers', () => {
  const by = (memory: Partial<ListMemory>, rules: object = {}) =>
    judge([line(alice)], alice.trust, { recall: () => ({ ...remembered, ...memory }), ...rules });

  for (const [name, memory, expected] of [
    ['the same list again', {}, 'accepted'],
    ['an older version', { listVersion: 4 }, 'list-rolled-back'],
    [
      'the same version with other bytes',
      { listDigest: parseDigest(`sha256:${'f'.repeat(64)}`) },
      'list-equivocates',
    ],
    ['a newer version', { listVersion: 2, listDigest: parseDigest(`sha256:${'f'.repeat(64)}`) }, 'accepted'],
    ['a clock that is five minutes slow', { lastTime: new Date(now.getTime() + 300_000) }, 'accepted'],
    ['a clock that was set back', { lastTime: new Date(now.getTime() + 300_001) }, 'clock-set-back'],
  ] as const) {
    test(name, async () => {
      assert.equal(verdict(await by(memory)), expected);
    });
  }

  test('the first contact is told, and refused where it must be bound', async () => {
    const first = await judge([line(alice)], alice.trust);
    assert.deepEqual(
      first.facts.map(({ rule }) => rule),
      ['list-first-seen'],
    );
    assert.equal(verdict(await judge([line(alice)], alice.trust, { bound: true })), 'first-contact');
    const rules = { bound: true, minVersion: 3 };
    assert.equal(verdict(await judge([line(alice)], alice.trust, rules)), 'accepted');
    assert.equal(
      verdict(await judge([line(alice)], alice.trust, { ...rules, minVersion: 4 })),
      'list-rolled-back',
    );
    const expectDigest = parseDigest(sha256(listBytes));
    assert.equal(verdict(await judge([line(alice)], alice.trust, { bound: true, expectDigest })), 'accepted');
  });

  test('nothing new is remembered of a list that expired', async () => {
    const late = { now: new Date('2027-02-01T00:00:00Z'), allowExpired: true };
    const outcome = await judge([line(alice)], alice.trust, late);
    assert.equal(outcome.accepted && outcome.remember === undefined, true);
  });
});

/** A policy as JSON, 2 of 3 for both roles; a test may spoil it. */
const policy = (changes: object = {}) => ({
  schema: trustSchema,
  listId: 'site',
  version: 1,
  expires: '2027-11-01T00:00:00Z',
  keys: [alice, bob, carol].map(({ name, pem }) => ({ name, pem })),
  roles: {
    root: { signers: ['alice', 'bob', 'carol'], threshold: 2 },
    list: { signers: ['alice', 'bob', 'carol'], threshold: 2 },
  },
  ...changes,
});

type Policy = ReturnType<typeof policy>;

/** A policy with the approvals of some signers. */
function signedPolicy(value: Policy, signers: readonly TestSigner[]) {
  const bytes = Buffer.from(json(value));
  const claim = {
    ...statement(bytes, { version: value.version, trustVersion: value.version }),
    predicateType: 'urn:verify-models:trust:v1',
  };
  const named = { ...claim, subject: [{ ...claim.subject[0], name: 'trust.json' }] };
  return {
    bytes,
    approvals: Buffer.from(signers.map((signer) => json(bundle(signer, json(named)))).join('\n')),
  };
}

function trustBy(versions: readonly ReturnType<typeof signedPolicy>[]): Trust {
  const current = versions.at(-1) ?? signedPolicy(policy(), []);
  return {
    kind: 'policy',
    source: { current, earlier: (version) => versions[version - 1], readTrustedRoot: () => undefined },
    start: 'first-contact',
  };
}

const one = signedPolicy(policy(), [alice, bob]);
const known = { ...remembered, trustVersion: 1, trustDigest: parseDigest(sha256(one.bytes)) };

describe('who approves', () => {
  const approvedBy = async (lines: object[], trust = trustBy([one]), rules: object = {}) =>
    verdict(await judge(lines, trust, rules));

  test('two of three, over the same bytes', async () => {
    assert.equal(await approvedBy([line(alice), line(bob)]), 'accepted');
    assert.equal(await approvedBy([line(alice)]), 'list-not-approved');
  });

  test('the same signer twice, and one key under two hints', async () => {
    const again = line(alice);
    again.verificationMaterial.publicKey = { hint: 'another' };
    assert.equal(await approvedBy([line(alice), line(alice), again]), 'list-not-approved');
  });

  test('split payloads do not count together', async () => {
    assert.equal(
      await approvedBy([line(alice), line(bob, { issued: '2026-11-22T00:00:01Z' })]),
      'list-not-approved',
    );
  });

  test('of several sufficient groups the one that was issued last counts', async () => {
    const late = { issued: '2026-11-23T00:00:00Z', expires: '2026-12-01T00:00:00Z' };
    const outcome = await judge([line(alice), line(bob), line(bob, late), line(carol, late)], trustBy([one]));
    assert.equal(outcome.summary?.expires.toISOString(), '2026-12-01T00:00:00.000Z');
    assert.deepEqual(outcome.summary?.signers, ['bob', 'carol']);
  });

  test('a version that the policy revokes', async () => {
    const revoked = signedPolicy({ ...policy(), minListVersion: 4 } as Policy, [alice, bob]);
    assert.equal(await approvedBy([line(alice), line(bob)], trustBy([revoked])), 'list-rolled-back');
  });

  test('an approval under a newer policy, and one that is valid for too long', async () => {
    const ahead = { trustVersion: 2 };
    assert.equal(await approvedBy([line(alice, ahead), line(bob, ahead)]), 'trust-rolled-back');
    const long = { expires: '2027-11-01T00:00:00Z' };
    assert.equal(await approvedBy([line(alice, long), line(bob, long)]), 'list-not-approved');
  });

  test('a key outside its dates', async () => {
    const keys = policy().keys.map((key) =>
      key.name === 'bob' ? { ...key, to: '2026-11-23T00:00:00Z' } : key,
    );
    const dated = signedPolicy(policy({ keys }), [alice, carol]);
    assert.equal(await approvedBy([line(alice), line(bob)], trustBy([dated])), 'list-not-approved');
    assert.equal(await approvedBy([line(alice), line(carol)], trustBy([dated])), 'accepted');
  });
});

describe('a trust policy', () => {
  const accepted = async (
    versions: readonly ReturnType<typeof signedPolicy>[],
    memory: ListMemory | undefined,
    trustVersion = 1,
  ) => {
    const lines = [line(alice, { trustVersion }), line(bob, { trustVersion })];
    return verdict(await judge(lines, trustBy(versions), { recall: () => memory }));
  };
  const next = (version: number, changes: object = {}) => policy({ version, ...changes });

  test('that its own threshold did not approve, that expired, or of another version than its approvals', async () => {
    assert.equal(await accepted([signedPolicy(policy(), [alice])], undefined), 'trust-not-approved');
    const old = signedPolicy(policy({ expires: '2026-11-23T12:00:00Z' }), [alice, bob]);
    assert.equal(await accepted([old], undefined), 'trust-expired');
    const other = { bytes: Buffer.from(json(next(2))), approvals: one.approvals };
    assert.equal(await accepted([other], undefined), 'trust-not-approved');
  });

  test('rotated by the old threshold and its own, one version at a time', async () => {
    const two = signedPolicy(next(2), [alice, bob]);
    const three = signedPolicy(next(3), [bob, carol]);
    assert.equal(await accepted([one, two, three], known), 'accepted');
  });

  test('rotated by the new threshold alone, or by the old alone', async () => {
    const dave = new TestSigner('dave');
    const keys = [alice, dave].map(({ name, pem }) => ({ name, pem }));
    const role = { signers: ['alice', 'dave'], threshold: 2 };
    const changes = { keys, roles: { root: role, list: role } };
    assert.equal(
      await accepted([one, signedPolicy(next(2, changes), [alice, dave])], known),
      'trust-not-approved',
    );
    assert.equal(
      await accepted([one, signedPolicy(next(2, changes), [alice, bob])], known),
      'trust-not-approved',
    );
  });

  test('with a version skipped or missing', async () => {
    const three = signedPolicy(next(3), [alice, bob]);
    assert.equal(await accepted([one, three], known), 'trust-not-approved');
  });

  test('rolled back, or another one of the same version', async () => {
    const two = signedPolicy(next(2), [alice, bob]);
    const ahead = { ...known, trustVersion: 2, trustDigest: parseDigest(sha256(two.bytes)) };
    assert.equal(await accepted([one], ahead), 'trust-rolled-back');
    const twin = signedPolicy(policy({ graceDays: 1 }), [alice, bob]);
    assert.equal(await accepted([twin], known), 'trust-rolled-back');
  });

  test('forgets burnt versions where those left who could have burnt them, for what is approved since', async () => {
    const burnt = { ...known, listVersion: 900 };
    const without = (signers: string[], threshold: number) =>
      signedPolicy(next(2, { roles: { ...policy().roles, list: { signers, threshold } } }), [alice, bob]);
    const two = without(['alice'], 1);
    assert.equal(await accepted([one, two], burnt, 2), 'accepted');
    // Alice approved this one before the others left: it is as old as it was.
    assert.equal(await accepted([one, two], burnt, 1), 'list-rolled-back');
    // One of three cannot approve alone where two are needed, and nobody left.
    assert.equal(await accepted([one, without(['alice', 'bob'], 2)], burnt, 2), 'list-rolled-back');
    assert.equal(await accepted([one, signedPolicy(next(2), [alice, bob])], burnt, 2), 'list-rolled-back');
  });

  for (const [name, value] of Object.entries({
    'threshold 0': policy({ roles: { ...policy().roles, list: { signers: ['alice'], threshold: 0 } } }),
    'a threshold above the number of signers': policy({
      roles: { ...policy().roles, list: { signers: ['alice'], threshold: 2 } },
    }),
    'a signer twice in one role': policy({
      roles: { ...policy().roles, list: { signers: ['alice', 'alice'], threshold: 2 } },
    }),
    'a signer without a key': policy({
      roles: { ...policy().roles, list: { signers: ['mallory'], threshold: 1 } },
    }),
    'one key under two names': policy({ keys: [...policy().keys, { name: 'twin', pem: alice.pem }] }),
    'two signers of one name': policy({
      keys: [...policy().keys, { name: 'alice', pem: new TestSigner('x').pem }],
    }),
    'an identity without a trusted root': policy({ identities: [{ name: 'ci', san: 'a', issuer: 'b' }] }),
    'an unknown field': policy({ extra: 1 }),
    'a version as a text': policy({ version: '1' }),
    'a date that does not exist': policy({ expires: '2027-02-30T00:00:00Z' }),
    'a name of a prototype': policy({ keys: [{ name: '__proto__', pem: alice.pem }] }),
  })) {
    test(`with ${name} is refused`, () => {
      assert.throws(
        () => parsePolicy(Buffer.from(json(value))),
        (error) => error instanceof KnownError && error.code === 'TRUST_MALFORMED',
      );
    });
  }
});
