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
});
