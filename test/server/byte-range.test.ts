import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readRange } from '../../server/byte-range.ts';

describe('the one range of a request', () => {
  test('any two numbers give bytes of the blob, 416, or nothing, as RFC 9110 says', () => {
    const size = fc.integer({ min: 0, max: 1e9 });
    const number = fc.option(fc.integer({ min: 0, max: 2 ** 50 }), { nil: undefined });
    fc.assert(
      fc.property(size, number, number, (bytes, first, last) => {
        const range = readRange(`bytes=${first ?? ''}-${last ?? ''}`, bytes);
        if (first === undefined && last === undefined) assert.equal(range, undefined);
        else if (first === undefined) {
          const length = Math.min(last ?? 0, bytes);
          assert.deepEqual(range, length === 0 ? 'unsatisfiable' : { start: bytes - length, end: bytes });
        } else if (last !== undefined && last < first) assert.equal(range, undefined);
        else if (first >= bytes) assert.equal(range, 'unsatisfiable');
        else assert.deepEqual(range, { start: first, end: Math.min((last ?? bytes) + 1, bytes) });
      }),
    );
  });

  test('whatever stands in the header, the answer lies within the blob', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 1e6 }), (text, size) => {
        const range = readRange(`bytes=${text}`, size);
        if (typeof range === 'object')
          assert.ok(range.start >= 0 && range.start < range.end && range.end <= size);
      }),
    );
  });
});
