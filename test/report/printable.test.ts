import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { unprintable } from '../../src/findings/index.ts';
import { printable, safeJson } from '../../src/report/index.ts';
import { hostileText } from './sample-report.ts';

describe('printable text', () => {
  for (const [what, text, shown] of [
    ['an escape sequence', '\u001b[31mx', '\\u{1b}[31mx'],
    ['a C1 control character', '\u009b2J', '\\u{9b}2J'],
    ['a window title', '\u001b]0;x\u0007', '\\u{1b}]0;x\\u{7}'],
    ['line breaks and tabs', 'a\r\n\tb', 'a\\u{d}\\u{a}\\u{9}b'],
    ['NUL and delete', '\0\u007f', '\\u{0}\\u{7f}'],
    ['a right-to-left override', 'a\u202eb', 'a\\u{202e}b'],
    ['bidi isolates', '\u2066\u2067\u2068\u2069', '\\u{2066}\\u{2067}\\u{2068}\\u{2069}'],
    ['bidi marks', '\u200e\u200f\u061c', '\\u{200e}\\u{200f}\\u{61c}'],
    [
      'zero-width characters',
      '\u200b\u200c\u200d\u2060\ufeff',
      '\\u{200b}\\u{200c}\\u{200d}\\u{2060}\\u{feff}',
    ],
    ['line and paragraph separators', '\u2028\u2029', '\\u{2028}\\u{2029}'],
    ['a soft hyphen', '\u00ad', '\\u{ad}'],
    ['fillers', '\u115f\u1160\u3164\uffa0\u034f', '\\u{115f}\\u{1160}\\u{3164}\\u{ffa0}\\u{34f}'],
    ['variation selectors', 'a\ufe0f\u{e0100}', 'a\\u{fe0f}\\u{e0100}'],
    ['tag characters', '\u{e0041}', '\\u{e0041}'],
    [
      'blanks that are no space',
      '\u00a0\u2003\u202f\u3000\u2800',
      '\\u{a0}\\u{2003}\\u{202f}\\u{3000}\\u{2800}',
    ],
    ['private characters', '\ue000\u{f0000}', '\\u{e000}\\u{f0000}'],
    ['halves of surrogate pairs', '\ud800a\udc00', '\ufffda\ufffd'],
  ] as const) {
    test(`shows ${what} as an escape`, () => assert.equal(printable(text), shown));
  }

  test('leaves what can be seen as it is', () => {
    const text = 'Plain ASCII ~!@#$%^&*(){}[]|\\:;"\'<>,.?/ é ß Ω Я א ع 模型 \u{1f600} e\u0301';
    assert.equal(printable(text), text);
  });

  test('of more than 600 characters is cut, and says by how much', () => {
    assert.equal(printable('x'.repeat(600)), 'x'.repeat(600));
    assert.equal(printable('x'.repeat(601)), `${'x'.repeat(600)} ...(1 more characters)`);
    assert.equal(printable('x'.repeat(1_000_000)), `${'x'.repeat(600)} ...(999400 more characters)`);
    assert.equal(printable('abcdef', 3), 'abc ...(3 more characters)');
  });

  test('is not cut into half of a character', () => {
    assert.equal(printable('a\u{1f600}', 2), 'a\ufffd ...(1 more characters)');
  });

  test('holds nothing that a terminal obeys or hides, whatever the text was', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...hostileText) })),
        (text) => {
          const shown = printable(text);
          assert.equal(unprintable.exec(shown), null);
          assert.ok(shown.isWellFormed());
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('JSON that is safe to show', () => {
  test('has the same value, and nothing that a terminal obeys or hides', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.array(fc.constantFrom(...hostileText))),
        (value) => {
          const text = safeJson(value);
          assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
          assert.equal(unprintable.exec(text), null);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('writes what JSON leaves raw as escapes, pairs as two', () => {
    assert.equal(
      safeJson('\u007f\u009b\u202e\u2028\u{e0041}'),
      '"\\u007f\\u009b\\u202e\\u2028\\udb40\\udc41"',
    );
    assert.equal(safeJson({ '\u202e': 1 }), '{"\\u202e":1}');
    assert.equal(safeJson('\ud800'), '"\\ud800"');
    assert.equal(safeJson('é 模'), '"é 模"');
  });

  test('is null where there is no value', () => {
    assert.equal(safeJson(undefined), 'null');
  });
});
