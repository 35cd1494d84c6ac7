import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { parseDigest } from '../../src/oci/index.ts';
import type { AcceptanceRules, ListMemory } from '../../src/trust/index.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import { bundle, judge, listBytes, now, statement, TestSigner, verdict } from '../fixtures/signed-list.ts';
import { policyOf, signedPolicy, trustBy } from '../fixtures/signed-policy.ts';

const alice = new TestSigner('alice');
const expires = new Date('2026-12-01T00:00:00Z');
const day = 86_400_000;
const from = (date: Date, milliseconds: number): Date => new Date(date.getTime() + milliseconds);
const approval = (predicate: object = {}) => bundle(alice, JSON.stringify(statement(listBytes, predicate)));

const policy = signedPolicy(policyOf([alice], 1, { graceDays: 10 }), [alice]);
const memory: ListMemory = {
  ...{ listId: 'site', listVersion: 3, listDigest: parseDigest(sha256(listBytes)), lastTime: now },
  ...{ trustVersion: 1, trustDigest: parseDigest(sha256(policy.bytes)) },
};

/** The verdict at a time, by a policy with ten days of grace, and the facts before it. */
async function at(time: Date, recalled: ListMemory | undefined, rules: Partial<AcceptanceRules> = {}) {
  const lines = [approval({ expires: expires.toISOString() })];
  const outcome = await judge(lines, trustBy([policy]), { now: time, recall: () => recalled, ...rules });
  return {
    verdict: verdict(outcome),
    facts: outcome.facts.map(({ rule }) => rule),
    remembers: remembers(outcome, recalled, time),
  };
}

/** Whether the list is to be remembered, or only that it was this late. */
function remembers(outcome: Awaited<ReturnType<typeof judge>>, recalled: ListMemory | undefined, time: Date) {
  if (!outcome.accepted || outcome.remember === undefined) return false;
  return isDeepStrictEqual(outcome.remember, { ...recalled, lastTime: time }) ? 'the time' : true;
}

const fresh = { verdict: 'accepted', facts: [], remembers: true };
const inGrace = { verdict: 'accepted', facts: ['list-in-grace'], remembers: 'the time' };
const expired = { verdict: 'list-expired', facts: ['list-expired'], remembers: false };

describe('an approval', () => {
  test('holds until the moment it expires', async () => {
    assert.deepEqual(await at(from(expires, -1), memory), fresh);
    assert.deepEqual(await at(expires, undefined), expired);
  });

  test('goes on for the days of grace where the list was accepted before, and only the time is remembered', async () => {
    assert.deepEqual(await at(expires, memory), inGrace);
    assert.deepEqual(await at(from(expires, 10 * day - 1), memory), inGrace);
    assert.deepEqual(await at(from(expires, 10 * day), memory), expired);
  });

  test('has no grace for another list than the one accepted before, newer or older', async () => {
    const listDigest = parseDigest(`sha256:${'e'.repeat(64)}`);
    assert.deepEqual(await at(expires, { ...memory, listDigest }), expired);
    assert.deepEqual(await at(expires, { ...memory, listVersion: 2, listDigest }), expired);
    assert.deepEqual(await at(expires, { ...memory, listDigest: undefined }), expired);
  });

  test('has no grace without a policy that gives it', async () => {
    const lines = [approval({ expires: expires.toISOString() })];
    const rules = { now: expires, recall: () => memory };
    assert.equal(verdict(await judge(lines, alice.trust, rules)), 'list-expired');
  });

  test('that expired is accepted where that is allowed, loudly, and only the time is remembered', async () => {
    const allowed = { verdict: 'accepted', facts: ['list-expired-allowed'], remembers: 'the time' };
    const late = from(expires, 11 * day);
    assert.deepEqual(await at(late, memory, { allowExpired: true }), allowed);
    assert.deepEqual(await at(expires, memory, { allowExpired: true }), inGrace);
    assert.deepEqual(await at(from(expires, -1), memory, { allowExpired: true }), fresh);
  });

  test('may be issued five minutes ahead of this clock, and not a millisecond more', async () => {
    const ahead = (milliseconds: number) => approval({ issued: from(now, milliseconds).toISOString() });
    assert.equal(verdict(await judge([ahead(300_000)], alice.trust)), 'accepted');
    const outcome = await judge([ahead(300_001)], alice.trust, { allowExpired: true });
    assert.equal(verdict(outcome), 'list-not-approved');
    assert.match(outcome.facts.at(-1)?.message ?? '', /issued in the future, at 2026-11-23T12:05:00.001Z/);
  });
});

describe('a clock', () => {
  test('may be five minutes behind the latest time, and not a millisecond more', async () => {
    const ahead = (milliseconds: number) => ({ ...memory, lastTime: from(now, milliseconds) });
    assert.deepEqual(await at(now, ahead(300_000)), fresh);
    const back = { verdict: 'clock-set-back', facts: ['clock-set-back'], remembers: false };
    assert.deepEqual(await at(now, ahead(300_001)), back);
    assert.deepEqual(await at(now, ahead(300_001), { allowExpired: true }), back);
  });

  test('that is behind does not move the latest time back', async () => {
    const recalled = { ...memory, lastTime: from(now, 1000) };
    const rules = { recall: () => recalled };
    const outcome = await judge([approval()], alice.trust, rules);
    assert.deepEqual(outcome.accepted && outcome.remember?.lastTime, recalled.lastTime);
  });
});
