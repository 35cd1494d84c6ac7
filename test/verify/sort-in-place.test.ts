import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { sortInPlace } from '../../src/verify/sort-in-place.ts';

describe('sorting in place', () => {
  test('gives what the sort of the language gives, in the same array', () => {
    fc.assert(
      fc.property(fc.uint32Array({ maxLength: 200 }), fc.boolean(), (numbers, upwards) => {
        const compare = (a: number, b: number) => (upwards ? a - b : b - a);
        const expected = Array.from(numbers).sort(compare);
        assert.equal(sortInPlace(numbers, compare), numbers);
        assert.deepEqual(Array.from(numbers), expected);
      }),
    );
  });

  test('asks about as often as it must, whatever the order was', () => {
    const count = 4096;
    for (const start of [(n: number) => n, (n: number) => count - n, () => 7]) {
      let asked = 0;
      sortInPlace(
        Uint32Array.from({ length: count }, (_, n) => start(n)),
        (a, b) => {
          asked += 1;
          return a - b;
        },
      );
      assert.ok(asked <= 2 * count * Math.log2(count), `${asked}`);
    }
  });
});
