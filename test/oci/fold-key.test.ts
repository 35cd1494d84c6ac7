import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { foldKey } from '../../src/oci/index.ts';

/** Every character that has another case. */
function casedCharacters(): string[] {
  const cased: string[] = [];
  for (let code = 0; code <= 0x10ffff; code += 1) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const c = String.fromCodePoint(code);
    if (c.toLowerCase() !== c || c.toUpperCase() !== c || /\p{Changes_When_Casefolded}/u.test(c))
      cased.push(c);
  }
  return cased;
}

describe('the folding of keys', () => {
  test('brings together all characters that simple case folding, which Go uses, takes for one', () => {
    const cased = casedCharacters();
    assert.ok(cased.length > 2000);
    const all = cased.join('');
    for (const c of cased) {
      const folding = new RegExp(`\\u{${c.codePointAt(0)?.toString(16)}}`, 'giu');
      const orbit = [...all.matchAll(folding)].map(([found]) => found);
      assert.ok(orbit.includes(c));
      assert.deepEqual(new Set(orbit.map(foldKey)), new Set([foldKey(c)]), `${orbit.join(' ')}`);
    }
  });

  for (const [one, two] of [
    ['layers', 'LAYERS'],
    ['layers', 'layer\u017f'],
    ['key', '\u212aey'],
    ['\u00df', '\u1e9e'],
    ['\u03b8', '\u03f4'],
    ['\u03c3', '\u03c2'],
    ['\u00e5', '\u212b'],
    ['\u{10400}', '\u{10428}'],
  ] as const) {
    test(`takes ${one} and ${two} for one`, () => assert.equal(foldKey(one), foldKey(two)));
  }

  for (const [one, two] of [
    ['layers', 'layer'],
    ['size', 'sise'],
    ['a_b', 'ab'],
    ['\u0430', 'a'],
  ] as const) {
    test(`keeps ${one} and ${two} apart`, () => assert.notEqual(foldKey(one), foldKey(two)));
  }
});
