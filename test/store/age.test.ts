import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ageOf } from '../../src/store/index.ts';

test('an age is told in the largest unit that fits, and is never negative', () => {
  const now = new Date(Date.UTC(2026, 8, 1));
  const minute = 60_000;
  for (const [ms, text] of [
    [-minute, '0 minutes'],
    [0, '0 minutes'],
    [minute - 1, '0 minutes'],
    [minute, '1 minute'],
    [60 * minute - 1, '59 minutes'],
    [60 * minute, '1 hour'],
    [24 * 60 * minute - 1, '23 hours'],
    [24 * 60 * minute, '1 day'],
    [1000 * 24 * 60 * minute, '1000 days'],
  ] as const) {
    assert.equal(ageOf(now.getTime() - ms, now), text);
  }
});
