import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { unprintable } from '../../src/findings/index.ts';
import { diffLines, renderTextDiff, type TextDiffOptions } from '../../src/report/index.ts';

const rendered = (before: string, after: string, options?: TextDiffOptions): string =>
  [...renderTextDiff(diffLines(before, after), options)].join('');

const letters = (text: string): string => [...text].map((letter) => `${letter}\n`).join('');

describe('two texts compared by lines', () => {
  test('every line of both is there with its numbers, removed ones before those in their place', () => {
    assert.deepEqual(diffLines('a\nb\nc\n', 'a\nx\ny\nc'), [
      { kind: 'same', text: 'a', before: 1, after: 1 },
      { kind: 'removed', text: 'b', before: 2 },
      { kind: 'removed', text: 'c', before: 3 },
      { kind: 'added', text: 'x', after: 2 },
      { kind: 'added', text: 'y', after: 3 },
      { kind: 'added', text: 'c', after: 4, unended: true },
    ]);
  });

  test('nothing against nothing has no lines; nothing against a text is all of it', () => {
    assert.deepEqual(diffLines('', ''), []);
    assert.deepEqual(diffLines('', '\n'), [{ kind: 'added', text: '', after: 1 }]);
    assert.deepEqual(diffLines('a', ''), [{ kind: 'removed', text: 'a', before: 1, unended: true }]);
  });

  test('both texts can be put together again from the lines', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', '\n', '\n', '\r\n'), { maxLength: 40 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = diffLines(before, after);
        const without = (kind: string) =>
          lines
            .flatMap((line) => (line.kind === kind || line.kind === 'summary' ? [] : [line]))
            .map((line) => `${line.text}${line.unended === true ? '' : '\n'}`)
            .join('');
        assert.equal(without('added'), before);
        assert.equal(without('removed'), after);
        const numbers = lines.flatMap((line) => ('before' in line ? [line.before] : []));
        assert.deepEqual(
          numbers,
          numbers.map((_, index) => index + 1),
        );
      }),
    );
  });

  test('texts that have next to nothing in common are compared without looking for the smallest difference', () => {
    const lines = (from: number, step: number) =>
      Array.from({ length: 4_999 }, (_, index) => `line ${from + ((index * step) % 4_999)}\n`).join('');
    const found = diffLines(`first\n${lines(0, 1)}`, `first\n${lines(0, 2_477)}`);
    const count = (kind: string) => found.filter((line) => line.kind === kind).length;
    // "line 0" is first on both sides; the rest is in another order.
    assert.deepEqual([count('same'), count('removed'), count('added')], [2, 4_998, 4_998]);
  });

  test('a text of more than 5,000 lines or 256 KiB is summed up in one line that says where it differs', () => {
    const many = 'x\n'.repeat(5_001);
    assert.deepEqual(diffLines(many, `${'x\n'.repeat(41)}y`), [
      {
        kind: 'summary',
        text: 'too large to compare line by line: 10.0 kB in 5001 lines before, 83 B in 42 lines after; they differ from line 42 on',
      },
    ]);
    const long = 'é'.repeat(131_073);
    assert.equal(
      rendered('é', long),
      'too large to compare line by line: 2 B in 1 line before, 262 kB in 1 line after; they differ from line 1 on\n',
    );
    assert.equal(rendered(many, many), 'both are the same, 10.0 kB in 5001 lines\n');
    assert.equal(diffLines('x\n'.repeat(5_000), '').length, 5_000);
  });
});

describe('the difference as a person sees it', () => {
  test('nothing is shown where nothing differs', () => {
    assert.equal(rendered('a\nb\n', 'a\nb\n'), '');
  });

  test('each change with three lines around it, and where in both texts it is', () => {
    assert.equal(
      rendered(letters('abcdefghijklmnopqrst'), letters('abcdXefghijklmnopqst')),
      [
        ...['@@ -2,6 +2,7 @@', ' b', ' c', ' d', '+X', ' e', ' f', ' g'],
        ...['@@ -15,6 +16,5 @@', ' o', ' p', ' q', '-r', ' s', ' t', ''],
      ].join('\n'),
    );
  });

  test('changes whose surroundings touch are shown together; the surroundings can be none', () => {
    const [before, after] = [letters('abcdefgh'), letters('aXcdefgY')];
    assert.equal(rendered(before, after).match(/^@@/gm)?.length, 1);
    assert.equal(
      rendered(before, after, { context: 0 }),
      '@@ -2,1 +2,1 @@\n-b\n+X\n@@ -8,1 +8,1 @@\n-h\n+Y\n',
    );
    assert.equal(rendered(letters('ab'), letters('aXb'), { context: 0 }), '@@ -1,0 +2,1 @@\n+X\n');
  });

  test('a newline at the end that came or went is told', () => {
    assert.equal(rendered('a\n', 'a'), '@@ -1,1 +1,1 @@\n-a\n+a\n\\ no newline at the end\n');
    assert.equal(rendered('a', ''), '@@ -1,1 +0,0 @@\n-a\n\\ no newline at the end\n');
  });

  test('color is for whole lines, and there is none unless it is asked for', () => {
    assert.equal(
      rendered('a\nb\n', 'a\nc\n', { color: true }),
      '\u001b[2m@@ -1,2 +1,2 @@\u001b[0m\n a\n\u001b[31m-b\u001b[0m\n\u001b[32m+c\u001b[0m\n',
    );
  });

  test('a change of spaces, tabs, line ends and invisible characters can be seen', () => {
    const shown = (before: string, after: string) =>
      rendered(`${before}\n`, `${after}\n`).split('\n').slice(1, 3);
    assert.deepEqual(shown('a', 'a  '), ['-a', '+a\\u{20}\\u{20}']);
    assert.deepEqual(shown('  ', ''), ['-\\u{20}\\u{20}', '+']);
    assert.deepEqual(shown('    a', '\ta'), ['-    a', '+\\u{9}a']);
    assert.deepEqual(shown('a', 'a\r'), ['-a', '+a\\u{d}']);
    assert.deepEqual(shown('user', 'us\u200ber'), ['-user', '+us\\u{200b}er']);
    assert.deepEqual(shown('a b', 'a\u00a0b'), ['-a b', '+a\\u{a0}b']);
  });

  test('no line of a text can pass for a line of the difference or reach the terminal', () => {
    const evil = '@@ -1 +1 @@\n\u001b[2K\u001b[1Aall good\n+added\n';
    assert.equal(
      rendered('', evil),
      '@@ -0,0 +1,3 @@\n+@@ -1 +1 @@\n+\\u{1b}[2K\\u{1b}[1Aall good\n++added\n',
    );
  });

  test('whatever the texts are, they can be told from what is shown, and nothing of it is unprintable', () => {
    const part = fc.oneof(
      fc.constantFrom(
        '\n',
        '\n',
        ' ',
        'a',
        'b',
        '\\u{',
        '}',
        '\u200b',
        'а',
        'é',
        'e\u0301',
        '\u{e0041}',
        '\ud800',
        '\r',
      ),
      fc.string({ unit: 'binary', maxLength: 3 }),
    );
    const text = fc.array(part, { maxLength: 16 }).map((parts) => parts.join(''));
    const unescaped = (line: string) =>
      line.replace(/\\u\{([0-9a-f]+)\}/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const shown = rendered(before, after, { context: 1_000 });
        assert.doesNotMatch(shown.replaceAll('\n', ''), unprintable);
        if (before === after) return assert.equal(shown, '');
        const side = (sign: string): string =>
          `\n${shown.slice(shown.indexOf('\n') + 1)}`
            .split(/\n(?!\\ no newline)/)
            .filter((line) => line.startsWith(' ') || line.startsWith(sign))
            .map((line) =>
              line.endsWith('\n\\ no newline at the end') ? line.slice(1, -24) : `${line.slice(1)}\n`,
            )
            .map(unescaped)
            .join('');
        assert.equal(side('-'), before);
        assert.equal(side('+'), after);
      }),
      { numRuns: 1_000 },
    );
  });
});
