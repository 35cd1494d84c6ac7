import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { nearest } from '../../src/verify/index.ts';

describe('the nearest candidate', () => {
  test('has the fewest edits, whatever the case', () => {
    assert.equal(nearest('chekc', ['list', 'check', 'explain']), 'check');
    assert.equal(nearest('LSIT', ['list', 'check']), 'list');
    assert.equal(nearest('mistral', ['mistra', 'mistral:latest', 'Mistral']), 'Mistral');
  });

  test('is none where more than a third of the word is other, or one letter of a short one', () => {
    assert.equal(nearest('abc', ['abd']), 'abd');
    assert.equal(nearest('abc', ['aed']), undefined);
    assert.equal(nearest('abcdef', ['abcdXY']), 'abcdXY');
    assert.equal(nearest('abcdef', ['abcXYZ']), undefined);
    assert.equal(nearest('', ['list']), undefined);
    assert.equal(nearest('a', []), undefined);
  });

  test('is not looked for among long words', () => {
    const long = 'x'.repeat(121);
    assert.equal(nearest(long, [long]), undefined);
    assert.equal(nearest('x'.repeat(120), [long]), undefined);
    assert.equal(nearest('x'.repeat(1_000_000), ['x']), undefined);
  });

  test('of a word that is one of them is that word', () => {
    const word = fc.string({ minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(word, fc.array(word, { maxLength: 5 }), (one, others) => {
        assert.equal(nearest(one, [...others, one])?.toLowerCase(), one.toLowerCase());
      }),
    );
  });

  test('is that which the whole tables of edits give', () => {
    const word = fc.stringMatching(/^[abcAB]{0,9}$/);
    fc.assert(
      fc.property(word, fc.array(word, { maxLength: 8 }), (one, candidates) => {
        assert.equal(nearest(one, candidates), byWholeTables(one, candidates));
      }),
      { numRuns: 3000 },
    );
  });
});

/** The same search with every cell of every table. */
function byWholeTables(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const edits = distance(word.toLowerCase(), candidate.toLowerCase());
    if (edits < least) [best, least] = [candidate, edits];
  }
  return best;
}

function distance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  const replaced = distance(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1);
  if (a[0] === b[0]) return replaced;
  const swapped = a[0] === b[1] && a[1] === b[0] && b.length > 1 && a.length > 1;
  const swap = swapped ? distance(a.slice(2), b.slice(2)) + 1 : replaced;
  return Math.min(replaced, swap, distance(a.slice(1), b) + 1, distance(a, b.slice(1)) + 1);
}

describe('what the names of a store can make the search for the nearest cost', () => {
  test('is a few cells for each that is not near', () => {
    const effort = { cells: 0 };
    assert.equal(nearest('mistral:7b', ['granite:8b', 'phi4:mini'], effort), undefined);
    // Of two tables of 100 and 90 cells: what is three edits away at most, until two rows have no hope.
    assert.equal(effort.cells, 58);
  });

  test('is two million cells and the rest of a table at most, however many there are', () => {
    const effort = { cells: 0 };
    const word = 'x'.repeat(120);
    const names = Array.from({ length: 100_000 }, (_, at) => `${'x'.repeat(60)}${`${at}`.padStart(60, 'y')}`);
    nearest(word, names, effort);
    assert.ok(effort.cells < 2_000_000 + 120 * 120, `${effort.cells}`);
    assert.ok(effort.cells >= 2_000_000, `${effort.cells}`);
  });
});
