import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseDigest } from '../../src/oci/index.ts';
import type { AcceptanceRules, ListMemory } from '../../src/trust/index.ts';
import { afterRotation } from '../../src/trust/list-history.ts';
import { parsePolicy } from '../../src/trust/policy.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import { bundle, judge, listBytes, now, statement, TestSigner, verdict } from '../fixtures/signed-list.ts';
import { policyOf, signedPolicy, trustBy } from '../fixtures/signed-policy.ts';

const alice = new TestSigner('alice');
const digest = parseDigest(sha256(listBytes));
const other = parseDigest(`sha256:${'e'.repeat(64)}`);
const lines = [bundle(alice, JSON.stringify(statement()))];
const memory: ListMemory = {
  ...{ listId: 'site', listVersion: 9, listDigest: other, lastTime: now },
  ...{ trustVersion: 1, trustDigest: other },
};

describe('a rotation of the list keys', () => {
  const rotated = (minListVersion: number, listSignersChanged = true) => ({
    policy: parsePolicy(Buffer.from(JSON.stringify(policyOf([alice], 1, { minListVersion })))),
    digest,
    listSignersChanged,
  });

  test('lowers the remembered version to the least one of the policy, and forgets the digest', () => {
    const forgotten = { ...memory, listVersion: 4, listDigest: undefined };
    assert.deepEqual(afterRotation(memory, rotated(4), 1), forgotten);
  });

  test('never raises it', () => {
    assert.equal(afterRotation(memory, rotated(12), 1)?.listVersion, 9);
  });

  test('changes nothing where the list keys stayed, without a policy, or at the first contact', () => {
    assert.equal(afterRotation(memory, rotated(4, false), 1), memory);
    assert.equal(afterRotation(memory, undefined, 1), memory);
    assert.equal(afterRotation(undefined, rotated(4), 1), undefined);
  });

  test('says nothing of an approval that was given under an earlier policy', () => {
    assert.equal(afterRotation(memory, rotated(4), 0), memory);
  });
});

describe('a list is held', () => {
  const by = async (rules: Partial<AcceptanceRules>) => {
    const outcome = await judge(lines, alice.trust, rules);
    const { expected, actual, hint, rule } = outcome.facts.at(-1) ?? {};
    return { verdict: verdict(outcome), rule, expected, actual, hint };
  };
  const refused = (rule: string, expected: string, actual: string) => ({
    ...{ verdict: rule, rule, expected, actual, hint: undefined },
  });

  test('against the version that is remembered', async () => {
    assert.deepEqual(await by({ recall: () => memory }), refused('list-rolled-back', '9', '3'));
  });

  test('against the digest of the same version', async () => {
    const recall = () => ({ ...memory, listVersion: 3 });
    assert.deepEqual(await by({ recall }), refused('list-equivocates', other, digest));
    const forgotten = { ...memory, listVersion: 3, listDigest: undefined };
    assert.equal((await by({ recall: () => forgotten })).verdict, 'accepted');
  });

  test('against --min-version and --expect-digest, also where it is remembered', async () => {
    const recall = () => ({ ...memory, listVersion: 3, listDigest: digest });
    assert.deepEqual(await by({ recall, minVersion: 4 }), refused('list-rolled-back', '4', '3'));
    assert.deepEqual(await by({ recall, expectDigest: other }), refused('list-not-expected', other, digest));
    assert.equal((await by({ recall, minVersion: 3, expectDigest: digest })).verdict, 'accepted');
  });

  test('against what the policy revokes', async () => {
    const revoking = signedPolicy(policyOf([alice], 1, { minListVersion: 4 }), [alice]);
    assert.equal(verdict(await judge(lines, trustBy([revoking]))), 'list-rolled-back');
    const keeping = signedPolicy(policyOf([alice], 1, { minListVersion: 3 }), [alice]);
    const outcome = await judge(lines, trustBy([keeping]), { bound: true });
    assert.equal(outcome.accepted && outcome.pinned, true);
  });

  test('at the first contact by its fingerprint, with the command that binds it', async () => {
    const hint = `verify-models --expect-digest ${digest}`;
    assert.deepEqual(await by({}), {
      ...{ verdict: 'accepted', rule: 'list-first-seen', expected: undefined, hint },
      actual: digest.slice(7, 19),
    });
    assert.deepEqual(await by({ bound: true }), {
      ...{ verdict: 'first-contact', rule: 'first-contact', expected: undefined, actual: undefined, hint },
    });
    assert.equal((await by({ expectDigest: digest })).rule, undefined);
  });

  test('by --min-version 1, which binds nothing and says so', async () => {
    const said = (outcome: Awaited<ReturnType<typeof judge>>) => outcome.facts.at(-1)?.message ?? '';
    const open = await judge(lines, alice.trust, { minVersion: 1 });
    assert.equal(verdict(open), 'accepted');
    assert.match(said(open), /with the signer's; --min-version 1 binds nothing: every list has it$/);
    const bound = await judge(lines, alice.trust, { minVersion: 1, bound: true });
    assert.equal(verdict(bound), 'first-contact');
    assert.match(said(bound), /with the signer's; --min-version 1 binds nothing: every list has it$/);
    for (const minVersion of [2, 3])
      assert.deepEqual((await judge(lines, alice.trust, { minVersion, bound: true })).facts, []);
  });

  test('by a policy whose least version is 1, which binds nothing', async () => {
    const open = signedPolicy(policyOf([alice], 1, { minListVersion: 1 }), [alice]);
    assert.equal(verdict(await judge(lines, trustBy([open]), { bound: true })), 'first-contact');
  });
});
