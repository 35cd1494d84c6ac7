import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type AuditEvent,
  type AuditRecord,
  emptyChain,
  nextRecord,
  verifyChain,
} from '../../src/audit/index.ts';
import { digestOf } from '../fixtures/listed-models.ts';

const now = new Date('2026-11-23T12:00:00Z');
const event = (at: number): AuditEvent => ({ kind: 'removed', blob: digestOf(`${at}`), bytes: at });

function chainOf(count: number): AuditRecord[] {
  const records: AuditRecord[] = [];
  for (let at = 0; at < count; at += 1)
    records.push(nextRecord(records.at(-1) ?? emptyChain, event(at), now));
  return records;
}

describe('the chain of the audit log', () => {
  test('ties each record to the one before', () => {
    const [first, second] = chainOf(2);
    assert.deepEqual([first?.seq, first?.previous], [1, digestOf('')]);
    assert.deepEqual(
      [second?.seq, second?.previous, second?.time],
      [2, first?.hash, '2026-11-23T12:00:00.000Z'],
    );
  });

  test('is whole as it was written, also after JSON, and from any record on', () => {
    const records = chainOf(20);
    assert.equal(verifyChain(records), undefined);
    assert.equal(verifyChain(JSON.parse(JSON.stringify(records))), undefined);
    assert.equal(verifyChain(records.slice(7), records[6]), undefined);
    assert.equal(verifyChain([]), undefined);
  });

  test('does not depend on the order in which an event was spelled', () => {
    const other = Object.fromEntries(Object.entries(event(1)).reverse()) as AuditEvent;
    assert.equal(nextRecord(emptyChain, other, now).hash, nextRecord(emptyChain, event(1), now).hash);
  });

  const records = chainOf(5);
  const at = (place: number): AuditRecord => {
    const record = records[place];
    assert.ok(record !== undefined);
    return record;
  };
  for (const [what, broken, seq, problem] of [
    ['a changed event', records.with(2, { ...at(2), event: event(9) }), 3, 'record 3 was changed'],
    [
      'a changed time',
      records.with(2, { ...at(2), time: '2020-01-01T00:00:00.000Z' }),
      3,
      'record 3 was changed',
    ],
    ['a record that was taken out', records.toSpliced(2, 1), 3, 'record 3 is missing or in another place'],
    [
      'a record that was put in',
      records.toSpliced(2, 0, at(1)),
      3,
      'record 3 is missing or in another place',
    ],
    [
      'two that changed places',
      records.with(1, at(2)).with(2, at(1)),
      2,
      'record 2 is missing or in another place',
    ],
    [
      'a record that was written again with its hash',
      records.with(2, nextRecord(at(1), event(9), now)),
      4,
      'record 4 does not follow the one before: one of them was replaced',
    ],
    ['a first record that is missing', records.slice(1), 1, 'record 1 is missing or in another place'],
  ] as const)
    test(`shows ${what}`, () => assert.deepEqual(verifyChain(broken), { seq, problem }));

  test('shows any change of any character of any record', () => {
    const texts = records.map((record) => JSON.stringify(record));
    fc.assert(
      fc.property(fc.nat(4), fc.nat(400), fc.integer({ min: 0x20, max: 0x7e }), (which, place, code) => {
        const text = texts[which] ?? '';
        const spot = place % text.length;
        const spoiled = text.slice(0, spot) + String.fromCharCode(code) + text.slice(spot + 1);
        let parsed: AuditRecord;
        try {
          parsed = JSON.parse(spoiled);
        } catch {
          return;
        }
        if (JSON.stringify(parsed) !== text)
          assert.notEqual(verifyChain(records.with(which, parsed)), undefined);
      }),
    );
  });
});
