import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BoundedReader, Unreadable } from '../../src/gguf/bounded-reader.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';

const file = patternedBytes(200_000);
const readerOf = (limit: number, step = Number.POSITIVE_INFINITY) =>
  new BoundedReader((offset, length) => file.subarray(offset, offset + Math.min(length, step)), limit);

describe('the bounded reader', () => {
  test('gives the bytes in order and their digest, wherever blocks end and parts begin', () => {
    const parts = fc.array(fc.record({ take: fc.boolean(), length: fc.nat({ max: 40_000 }) }), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(
        parts,
        fc.nat({ max: 60_000 }),
        fc.integer({ min: 1_000, max: 70_000 }),
        (each, lead, step) => {
          const reader = readerOf(file.length * 2, step);
          reader.skip(lead);
          reader.openDigest();
          const start = reader.position;
          for (const { take, length } of each) {
            if (reader.position + length > file.length) continue;
            const at = reader.position;
            if (take) assert.ok(reader.take(length).equals(file.subarray(at, at + length)));
            else reader.skip(length);
            assert.equal(reader.position, at + length);
          }
          const digested = file.subarray(start, reader.position);
          assert.equal(reader.closeDigest(), `sha256:${createHash('sha256').update(digested).digest('hex')}`);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('ends with the file, and before it where the limit is lower', () => {
    assert.throws(() => readerOf(300_000).skip(200_001), new Unreadable('it ends too early, at byte 200000'));
    const limited = readerOf(1_000);
    assert.equal(limited.take(1_000).length, 1_000);
    assert.equal(limited.room, 0);
    assert.equal(limited.take(0).length, 0);
    assert.throws(() => limited.take(1), new Unreadable('it goes on beyond the 1000 bytes that are read'));
  });

  test('a source that gives more than it was asked for is not believed', () => {
    const reader = new BoundedReader(() => file, 10);
    assert.ok(reader.take(10).equals(file.subarray(0, 10)));
    assert.throws(() => reader.take(1), Unreadable);
  });
});
