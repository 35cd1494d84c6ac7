import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { shownSize } from '../../src/report/index.ts';

describe('a size for people', () => {
  for (const [bytes, shown] of [
    [0, '0 B'],
    [1, '1 B'],
    [561, '561 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1049, '1.0 kB'],
    [1050, '1.1 kB'],
    [99_949, '99.9 kB'],
    [99_950, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [16_777_216, '16.8 MB'],
    [2_019_377_376, '2.0 GB'],
    [404_000_000_000, '404 GB'],
    [1_000_000_000_000, '1.0 TB'],
    [Number.MAX_SAFE_INTEGER, '9007 TB'],
  ] as const) {
    test(`${bytes} is ${shown}`, () => assert.equal(shownSize(bytes), shown));
  }
});
