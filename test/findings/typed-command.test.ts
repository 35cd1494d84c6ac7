import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { shellWord, typedCommand, unprintable } from '../../src/findings/index.ts';

const onPath = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0;

/** What a shell makes of words as they are printed: each word, ended by a NUL. */
function wordsRead(shell: string, printed: string): string[] {
  const { stdout, stderr, status } = spawnSync(shell, ['-c', `printf '%s\\0' ${printed}`], {
    encoding: 'buffer',
  });
  assert.equal(status, 0, stderr.toString());
  return stdout.toString('utf8').split('\0').slice(0, -1);
}

const nasty = [
  '',
  ' ',
  "'",
  "''",
  "it's",
  "'; id; '",
  '"',
  '\\',
  '\\n',
  '$HOME',
  '$(id)',
  '`id`',
  '!!',
  '*',
  '?',
  '[a-z]',
  '{a,b}',
  '~',
  '~root',
  '#x',
  'a b',
  'a;b',
  'a&b',
  'a|b',
  'a>b',
  '<a',
  '(a)',
  'A=b',
  '=ls',
  '==',
  '-n',
  '--',
  '%s',
  '%1',
  '@',
  '+x',
  ':',
  '..',
  '\n',
  'a\nb',
  '\t',
  '\u001b[31m',
  '\u00e9\u6a21\u{1f600}',
  '\u00a0',
  '/srv/ollama/blobs/sha256-0123',
  "/srv/o'clock/my models/$x",
];

describe('a word for a shell', () => {
  test('is bare where it may be', () => {
    for (const word of ['rm', '-rf', '/a/b-c_d.e', 'llama3.2:1b', 'a@b', 'x=y', '100%', 'a,b', '+x']) {
      assert.equal(shellWord(word), word);
    }
  });

  test('is quoted where it must be', () => {
    assert.equal(shellWord(''), "''");
    assert.equal(shellWord('a b'), "'a b'");
    assert.equal(shellWord("it's"), "'it'\\''s'");
    assert.equal(shellWord('=ls'), "'=ls'");
  });

  for (const shell of ['sh', 'bash', 'dash', 'zsh']) {
    const skip = onPath(shell) ? false : `needs ${shell}`;
    test(`is read by ${shell} as it is`, { skip }, () => {
      assert.deepEqual(wordsRead(shell, nasty.map(shellWord).join(' ')), nasty);
    });

    test(`is read by ${shell} as it is, whatever is in it`, { skip }, () => {
      const hostile = fc.constantFrom(...'\'"\\$`!*?[]{}()<>|&;#~=%@:^ \n\taZ0-é模');
      const word = fc
        .oneof(fc.string({ unit: 'binary' }), fc.string({ unit: hostile }))
        .map((text) => text.replaceAll('\0', '').toWellFormed());
      fc.assert(
        fc.property(fc.array(word, { minLength: 1, maxLength: 200 }), (words) => {
          assert.deepEqual(wordsRead(shell, words.map(shellWord).join(' ')), words);
        }),
        { numRuns: 15 },
      );
    });
  }

  test('is read by fish as it is, but for a backslash, which fish reads within quotes too', (t) => {
    if (!onPath('fish')) return t.skip('needs fish');
    const words = nasty.filter((word) => !word.includes('\\'));
    assert.deepEqual(wordsRead('fish', words.map(shellWord).join(' ')), words);
  });
});

describe('a command to type', () => {
  test('is its words, and several commands are joined by &&', () => {
    assert.equal(typedCommand(['ollama', 'pull', 'llama3.2:1b']), 'ollama pull llama3.2:1b');
    assert.equal(
      typedCommand(['rm', "/my models/o'clock"], ['ollama', 'pull', 'x']),
      "rm '/my models/o'\\''clock' && ollama pull x",
    );
  });

  test('does in a shell what its words say', () => {
    const path = "/nonexistent dir/$(id)/it's";
    const command = typedCommand(['printf', '%s|', path], ['printf', '%s|', '; id']) ?? '';
    const { stdout } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
    assert.equal(stdout, `${path}|; id|`);
  });

  for (const [what, text] of Object.entries({
    'an escape sequence': 'a\u001b[8mb',
    'a line break': 'a\nb',
    'a carriage return': 'ls\rid',
    'a tab': 'a\tb',
    'a NUL': 'a\0b',
    'a C1 control character': 'a\u009bb',
    'a right-to-left override': 'a\u202eb',
    'a bidi isolate': 'a\u2066b',
    'a zero-width space': 'a\u200bb',
    'a zero-width joiner': 'a\u200db',
    'a soft hyphen': 'a\u00adb',
    'a byte order mark': 'a\ufeffb',
    'a line separator': 'a\u2028b',
    'a no-break space': 'a\u00a0b',
    'an ideographic space': 'a\u3000b',
    'a Hangul filler': 'a\u3164b',
    'a braille blank': 'a\u2800b',
    'a variation selector': 'a\ufe0fb',
    'a tag character': 'a\u{e0041}b',
    'a private character': 'a\ue000b',
    'half of a surrogate pair': 'a\ud800b',
  })) {
    test(`is not printed with ${what} in it`, () => {
      assert.ok(unprintable.test(text));
      assert.equal(typedCommand(['rm', text]), undefined);
      assert.equal(typedCommand(['ls'], ['rm', 'x', text]), undefined);
    });
  }

  for (const text of ['a b', '\u00e9', '\u6a21\u578b', '\u05d0', '\u{1f600}', '~!@#$%^&*()']) {
    test(`is printed with ${text} in it`, () => assert.equal(typedCommand(['rm', text]), `rm '${text}'`));
  }
});
