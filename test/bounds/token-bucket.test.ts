import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TokenBucket } from '../../src/bounds/index.ts';

describe('a bucket of tokens', () => {
  let ms = 0;
  const make = () => new TokenBucket({ atOnce: 60, aMinute: 10 }, () => new Date(ms));
  const taken = (bucket: TokenBucket, tries = 1000) =>
    Array.from({ length: tries }, () => bucket.take()).filter(Boolean).length;

  test('lets through what it has at once, and then so many a minute', () => {
    const bucket = make();
    assert.deepEqual([taken(bucket), taken(bucket)], [60, 0]);
    ms += 60_000;
    assert.equal(taken(bucket), 10);
    ms += 5_999;
    assert.equal(taken(bucket), 0);
    ms += 1;
    assert.equal(taken(bucket), 1);
  });

  test('is never fuller than at the beginning, however long nothing comes', () => {
    const bucket = make();
    taken(bucket);
    ms += 365 * 86_400_000;
    assert.equal(taken(bucket), 60);
  });

  test('gives nothing for a clock that is set back, and fills again from there', () => {
    const bucket = make();
    taken(bucket);
    ms -= 3_600_000;
    assert.equal(taken(bucket), 0);
    ms += 60_000;
    assert.equal(taken(bucket), 10);
  });
});
