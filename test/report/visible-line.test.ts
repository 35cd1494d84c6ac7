import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { visibleLine, visiblePair } from '../../src/report/visible-line.ts';

describe('a line in which everything can be seen', () => {
  test('text in any one script stays as it is', () => {
    for (const line of [
      '{{ .System }}',
      '  indented',
      'naïve café',
      'привет мир',
      '你好 API调用',
      'μέτρο',
      'हिन्दी',
      '😀',
    ]) {
      assert.equal(visibleLine(line), line);
    }
  });

  test('invisible characters that are no control characters are escaped too', () => {
    const cases = [
      ['a\u{e0041}b', 'a\\u{e0041}b'],
      ['a\ufe0fb', 'a\\u{fe0f}b'],
      ['a\u3164b', 'a\\u{3164}b'],
      ['a\u2800b', 'a\\u{2800}b'],
      ['a\u3000b', 'a\\u{3000}b'],
      ['a\u034fb', 'a\\u{34f}b'],
      ['a\u202eb', 'a\\u{202e}b'],
      ['\u0301a', '\\u{301}a'],
      ['a\ud800b', 'a\\u{d800}b'],
      ['a\ufffeb', 'a\\u{fffe}b'],
    ] as const;
    for (const [line, shown] of cases) assert.equal(visibleLine(line), shown);
  });

  test('the text of an escape is not taken for the character', () => {
    assert.equal(visibleLine('\\u{200b}'), '\\u{5c}u{200b}');
    assert.equal(visibleLine('\\u200b \\n'), '\\u200b \\n');
  });

  test('letters of a script with Latin shapes are escaped within a Latin word', () => {
    assert.equal(visibleLine('ignоre всё'), 'ign\\u{43e}re всё');
    assert.equal(visibleLine('Αdmin'), '\\u{391}dmin');
  });

  test('a line of many spaces takes no time that grows with their square', () => {
    const line = `${' '.repeat(250_000)}x`;
    assert.equal(visibleLine(line), line);
    assert.equal(visibleLine(`x${' '.repeat(1_000)}`), `x${'\\u{20}'.repeat(1_000)}`);
  });
});

describe('a line and the one that takes its place', () => {
  test('a letter that was replaced by its twin in another script is escaped, alone in a word too', () => {
    assert.deepEqual(visiblePair('a user', 'а user'), ['a user', '\\u{430} user']);
    assert.deepEqual(visiblePair('cop', 'сор'), ['cop', '\\u{441}\\u{43e}\\u{440}']);
  });

  test('one text in two compositions is escaped where they differ', () => {
    assert.deepEqual(visiblePair('é café', 'é cafe\u0301'), ['é caf\\u{e9}', 'é cafe\\u{301}']);
    assert.deepEqual(visiblePair('你 a', '你 ａ'), ['你 a', '你 \\u{ff41}']);
  });

  test('words that are different words stay readable', () => {
    assert.deepEqual(visiblePair('你好世界', '你好地球'), ['你好世界', '你好地球']);
    assert.deepEqual(visiblePair('кот', 'код'), ['кот', 'код']);
  });

  test('of long lines all that differs is shown, with sixty characters beside it', () => {
    const [lead, tail] = ['a'.repeat(500), 'z'.repeat(300)];
    const beside = (middle: string) =>
      `[... 440 same characters ...]${'a'.repeat(60)}${middle}${'z'.repeat(60)}[... 240 same characters ...]`;
    const middle = `1${'m'.repeat(2_000)}2`;
    assert.deepEqual(visiblePair(`${lead}${middle}${tail}`, `${lead}x${tail}`), [
      beside(middle),
      beside('x'),
    ]);
    assert.deepEqual(visiblePair(`${lead}x`, lead), [
      `[... 440 same characters ...]${'a'.repeat(60)}x`,
      `[... 440 same characters ...]${'a'.repeat(60)}`,
    ]);
  });

  test('no character is cut in two', () => {
    const smile = '😀'.repeat(60);
    const [before] = visiblePair(`${smile}😀x${smile}`, `${smile}😁x${smile}`);
    assert.ok(before.isWellFormed());
    assert.ok(!before.includes('\\u{d8'));
    assert.deepEqual(visiblePair('😀', '😁'), ['😀', '😁']);
    assert.deepEqual(visiblePair('😀', '🈀'), ['😀', '🈀']);
  });
});
