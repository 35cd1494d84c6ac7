/** The order of work: nothing of a list is read before its bytes are known to be approved. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { listSizeLimit, parseAllowList } from '../../src/allow-list/index.ts';
import { parseDigest } from '../../src/oci/index.ts';
import { type AcceptanceRules, acceptList, type ListMemory, type Trust } from '../../src/trust/index.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import { bundle, listBytes, now, statement, TestSigner, verdict } from '../fixtures/signed-list.ts';
import { policyOf, signedPolicy, trustBy } from '../fixtures/signed-policy.ts';

const alice = new TestSigner('alice');
const mallory = new TestSigner('mallory');
const line = (signer: TestSigner, predicate: object = {}, bytes: Uint8Array = listBytes) =>
  JSON.stringify(bundle(signer, JSON.stringify(statement(bytes, predicate))));
const memory: ListMemory = {
  listId: 'site',
  listVersion: 4,
  listDigest: parseDigest(`sha256:${'f'.repeat(64)}`),
  trustVersion: 0,
  trustDigest: undefined,
  lastTime: now,
};

interface Change {
  readonly approvals?: string;
  readonly trust?: Trust;
  readonly bytes?: Uint8Array;
  readonly sizeLimit?: number;
  readonly rules?: Partial<AcceptanceRules>;
  readonly memory?: ListMemory;
}

/** The verdict on an offer, and the steps that were taken: what was recalled, and whether the list was parsed. */
async function steps(change: Change) {
  const taken: string[] = [];
  const offer = {
    bytes: change.bytes ?? listBytes,
    approvals: Buffer.from(change.approvals ?? line(alice)),
    trust: change.trust ?? alice.trust,
    sizeLimit: change.sizeLimit ?? listSizeLimit,
    parse: (bytes: Uint8Array) => {
      taken.push('parse');
      return parseAllowList(bytes);
    },
  };
  const recall = (listId: string) => {
    taken.push(`recall ${listId}`);
    return change.memory;
  };
  const rules = { now, recall, allowExpired: false, bound: false, ...change.rules };
  return [verdict(await acceptList(offer, rules)), taken] as const;
}

describe('a list is parsed only', () => {
  const policy = signedPolicy(policyOf([alice], 1), [alice]);

  test('after its approval and what is remembered were looked at', async () => {
    assert.deepEqual(await steps({}), ['accepted', ['recall site', 'parse']]);
    assert.deepEqual(await steps({ trust: trustBy([policy]) }), ['accepted', ['recall site', 'parse']]);
  });

  const never: Record<string, [Change, string]> = {
    'it is too large': [{ sizeLimit: listBytes.length - 1 }, 'list-malformed'],
    'nobody signed it': [{ approvals: '\n' }, 'list-unsigned'],
    'a stranger signed it': [{ approvals: line(mallory) }, 'list-not-approved'],
    'other bytes were signed': [{ approvals: line(alice, {}, Buffer.from('other')) }, 'list-changed'],
    'a byte of it changed': [{ bytes: Buffer.concat([listBytes, Buffer.from(' ')]) }, 'list-changed'],
    'its approvals are no JSON': [{ approvals: '{' }, 'list-not-approved'],
  };
  for (const [name, [change, rule]] of Object.entries(never)) {
    test(`when it deserves it: ${name}, and nothing of it is read or recalled`, async () => {
      assert.deepEqual(await steps(change), [rule, []]);
    });
  }

  test('when the policy is accepted: one that nobody approved ends it first', async () => {
    const draft = trustBy([signedPolicy(policyOf([alice], 1), [mallory])]);
    assert.deepEqual(await steps({ trust: draft }), ['trust-not-approved', []]);
    const broken = trustBy([{ bytes: Buffer.from('{'), approvals: Buffer.alloc(0) }]);
    assert.deepEqual(await steps({ trust: broken }), ['trust-malformed', []]);
  });

  test('when its approval fits the policy and the clock', async () => {
    const long = line(alice, { expires: '2027-11-01T00:00:00Z' });
    assert.deepEqual(await steps({ trust: trustBy([policy]), approvals: long }), ['list-not-approved', []]);
    const expired = line(alice, { expires: '2026-11-23T00:00:00Z' });
    assert.deepEqual(await steps({ approvals: expired }), ['list-expired', ['recall site']]);
    const back = { ...memory, lastTime: new Date('2027-01-01T00:00:00Z') };
    assert.deepEqual(await steps({ memory: back }), ['clock-set-back', ['recall site']]);
  });
});

describe('what is to be remembered', () => {
  const offer = (bytes: Uint8Array, signer = alice) => ({
    ...{ bytes, approvals: Buffer.from(line(signer, {}, bytes)), trust: alice.trust },
    ...{ sizeLimit: listSizeLimit, parse: parseAllowList },
  });
  const rules = (recalled?: ListMemory) => ({
    ...{ now, allowExpired: false, bound: false },
    recall: () => recalled,
  });

  test('is the accepted list, and the latest time', async () => {
    const later = new Date(now.getTime() + 1000);
    const recalled = { ...memory, listVersion: 2, lastTime: later, trustVersion: 7 };
    const outcome = await acceptList(offer(listBytes), rules(recalled));
    assert.deepEqual(outcome.accepted && outcome.remember, {
      ...recalled,
      listVersion: 3,
      listDigest: parseDigest(sha256(listBytes)),
    });
  });

  test('is nothing of a list that was refused, whatever was wrong', async () => {
    for (const outcome of [
      await acceptList(offer(listBytes), rules(memory)),
      await acceptList(offer(Buffer.from('{}')), rules()),
      await acceptList(offer(listBytes, mallory), rules()),
    ]) {
      assert.equal(outcome.accepted, false);
      assert.equal('remember' in outcome, false);
    }
  });

  test('an error that is none of the list goes on to the caller', async () => {
    const broken = {
      ...offer(listBytes),
      parse: (): never => {
        throw new RangeError('a bug');
      },
    };
    await assert.rejects(acceptList(broken, rules()), RangeError);
  });
});
