/** Time is an input of a judgement: its outcome says when it may turn out otherwise, and never later than it does. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseDigest } from '../../src/oci/index.ts';
import type { ListMemory, Trust } from '../../src/trust/index.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import { bundle, judge, listBytes, statement, TestSigner, verdict } from '../fixtures/signed-list.ts';
import { policyOf, signedPolicy, trustBy } from '../fixtures/signed-policy.ts';

const alice = new TestSigner('alice');
const bob = new TestSigner('bob');
const day = 86_400_000;
const minute = 60_000;
const start = Date.UTC(2026, 10, 23);
const stamp = (ms: number) => new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');

/** Days since the start at which something begins or ends. */
interface Dates {
  readonly issued: number;
  readonly expires: number;
  readonly policyExpires?: number;
  readonly graceDays?: number;
  readonly from?: number;
  readonly to?: number;
  /** When the list was accepted before; never, where it is absent. */
  readonly accepted?: number;
  readonly second?: { readonly issued: number; readonly expires: number };
}

const approvalBy = (signer: TestSigner, { issued, expires }: Pick<Dates, 'issued' | 'expires'>) =>
  bundle(
    signer,
    JSON.stringify(
      statement(listBytes, { issued: stamp(start + issued * day), expires: stamp(start + expires * day) }),
    ),
  );

function offered({ policyExpires, graceDays, from, to, second, accepted, ...approval }: Dates) {
  const lines = [approvalBy(alice, approval), ...(second === undefined ? [] : [approvalBy(bob, second)])];
  let trust: Trust = alice.trust;
  let digest: string | undefined;
  if (policyExpires !== undefined) {
    const dated = (at: number | undefined) => (at === undefined ? undefined : stamp(start + at * day));
    const list = { signers: ['alice', 'bob'], threshold: 1 };
    const policy = signedPolicy(
      policyOf([alice, bob], 1, {
        keys: [
          { name: 'alice', pem: alice.pem, from: dated(from), to: dated(to) },
          { name: 'bob', pem: bob.pem },
        ],
        ...{ expires: stamp(start + policyExpires * day), graceDays, maxValidityDays: 3650 },
        roles: { root: { signers: ['bob'], threshold: 1 }, list },
      }),
      [bob],
    );
    trust = trustBy([policy]);
    digest = sha256(policy.bytes);
  }
  const memory: ListMemory | undefined =
    accepted === undefined
      ? undefined
      : {
          ...{ listId: 'site', listVersion: 3, listDigest: parseDigest(sha256(listBytes)) },
          ...{
            trustVersion: digest === undefined ? 0 : 1,
            trustDigest: digest === undefined ? undefined : parseDigest(digest),
          },
          lastTime: new Date(start + accepted * day),
        };
  return async (ms: number) => {
    const outcome = await judge(lines, trust, { now: new Date(ms), recall: () => memory });
    const facts = outcome.facts.map(({ rule }) => rule).join();
    const said = outcome.accepted ? `accepted ${facts}`.trim() : verdict(outcome);
    return { verdict: said, next: outcome.nextChange?.getTime() };
  };
}

/** The judgements from the start on: each at the date that the one before gave. */
async function walk(dates: Dates): Promise<[string, number][]> {
  const at = offered(dates);
  const seen: [string, number][] = [];
  for (let ms: number | undefined = start; ms !== undefined; ) {
    const { verdict: said, next } = await at(ms);
    if (seen.at(-1)?.[0] !== said) seen.push([said, (ms - start) / day]);
    assert.ok(next === undefined || next > ms);
    ms = next;
  }
  return seen;
}

describe('the judgement of a list is another one', () => {
  test('when its approval may count at last, and when it expires', async () => {
    assert.deepEqual(await walk({ issued: 1, expires: 20 }), [
      ['list-not-approved', 0],
      ['accepted list-first-seen', 1 - (5 * minute) / day],
      ['list-expired', 20],
    ]);
  });

  test('when its days of grace begin, and when they are over', async () => {
    const dates = { issued: -1, expires: 20, policyExpires: 300, graceDays: 14, accepted: -1 };
    assert.deepEqual(await walk(dates), [
      ['accepted', 0],
      ['accepted list-in-grace', 20],
      ['list-expired', 34],
      ['trust-expired', 300],
    ]);
  });

  test('when the policy expires, whatever the approval says', async () => {
    assert.deepEqual(
      await walk({ issued: -1, expires: 90, policyExpires: 30, graceDays: 14, accepted: -1 }),
      [
        ['accepted', 0],
        ['trust-expired', 30],
      ],
    );
  });

  test('when a key may begin to approve, and when it may no longer', async () => {
    assert.deepEqual(await walk({ issued: -1, expires: 90, policyExpires: 300, from: 5, to: 40 }), [
      ['list-not-approved', 0],
      ['accepted list-first-seen', 5],
      ['list-not-approved', 40],
      ['trust-expired', 300],
    ]);
  });

  test('when another approval is the one that is left', async () => {
    const second = { issued: -2, expires: 60 };
    assert.deepEqual(await walk({ issued: -1, expires: 90, policyExpires: 300, to: 40, second }), [
      ['accepted list-first-seen', 0],
      ['list-expired', 60],
      ['trust-expired', 300],
    ]);
  });

  test('when the clock has caught up with what is remembered', async () => {
    assert.deepEqual(await walk({ issued: -1, expires: 90, accepted: 10 }), [
      ['clock-set-back', 0],
      ['accepted', 10 - (5 * minute) / day],
      ['list-expired', 90],
    ]);
  });

  test('at no other time: between two dates it is the same at every moment', async () => {
    const at = fc.integer({ min: -5, max: 40 });
    const later = fc.integer({ min: 1, max: 40 });
    const approval = fc.tuple(at, later).map(([issued, days]) => ({ issued, expires: issued + days }));
    const some = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
    const any = fc
      .tuple(
        approval,
        some(fc.record({ policyExpires: later, graceDays: fc.integer({ min: 0, max: 9 }) })),
        some(at),
        some(at),
      )
      .chain(([first, policy, accepted, from]) =>
        fc.tuple(some(later), some(approval)).map(
          ([to, second]) =>
            ({
              ...{ ...first, ...policy, accepted },
              ...(policy === undefined ? {} : { from, to, second }),
            }) as Dates,
        ),
      );
    await fc.assert(
      fc.asyncProperty(
        any,
        fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { maxLength: 12 }),
        async (dates, moments) => {
          const judgeAt = offered(dates);
          const changes: { readonly ms: number; readonly said: string }[] = [];
          for (let ms: number | undefined = start; ms !== undefined; ) {
            const { verdict: said, next } = await judgeAt(ms);
            changes.push({ ms, said });
            ms = next;
          }
          // Besides some moments at random, the last one before each date.
          const looked = [
            ...moments.map((days) => Math.floor(start + days * day)),
            ...changes.slice(1).map(({ ms }) => ms - 1),
          ];
          for (const ms of looked) {
            const known = changes.findLast((change) => change.ms <= ms)?.said;
            assert.equal((await judgeAt(ms)).verdict, known, `${(ms - start) / day}`);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
