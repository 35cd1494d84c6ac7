import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseVolumeNumbers } from '../../../cli/transfer/index.ts';
import { shownNumbers } from '../../../src/archive/index.ts';
import { refusedWith } from '../../fixtures/refused-with.ts';

test('numbers that are shown are those that are typed again', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 60 }),
      (numbers) => {
        const sorted = [...numbers].sort((a, b) => a - b);
        assert.deepEqual([...parseVolumeNumbers(shownNumbers(sorted), 300)], sorted);
      },
    ),
  );
  assert.equal(shownNumbers([3, 17, 18, 19]), '3,17-19');
});

test('what is no number of a volume is refused', () => {
  for (const words of ['', '0', '4', '2-1', '1-4', 'a', '1,,2', '-1', '1.5'])
    assert.throws(() => parseVolumeNumbers(words, 3), refusedWith('USAGE', 'none of the volumes 1 to 3'));
});
