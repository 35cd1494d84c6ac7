import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { shownGgufChanges } from '../../../cli/screen/gguf-changes.ts';
import type { GgufChange } from '../../../src/gguf/index.ts';
import { digestFromBytes } from '../../../src/oci/index.ts';

const shown = (...changes: GgufChange[]): string => [...shownGgufChanges(changes, false)].join('');

const digest = digestFromBytes(Buffer.alloc(32, 0xab));

describe('changes of what weights say of themselves, on the screen', () => {
  test('chat templates come first, all of them, whatever else changed', () => {
    const many = Array.from({ length: 45 }, (_, index) => ({ key: `a${index}`, before: 1, after: 2 }));
    const text = shown(...many, { key: 'tokenizer.chat_template.rag', before: 'a', after: 'b' });
    assert.match(text, /^ {4}tokenizer\.chat_template\.rag:\n {6}@@ -1,1 \+1,1 @@\n {6}-a\n/);
    assert.match(text, /\n {4}and 5 more keys, which --json shows\n$/);
  });

  test('a change of the stored type only is told', () => {
    const types = { before: 'uint32', after: 'uint64' } as const;
    assert.equal(
      shown({ key: 'k', before: 5, after: 5, types }),
      '    k: 5 -> 5   (stored as uint32, then uint64)\n',
    );
  });

  test('an empty chat template is told from none', () => {
    assert.equal(
      shown({ key: 'tokenizer.chat_template', after: '' }),
      '    tokenizer.chat_template: none -> ""\n',
    );
  });

  test('a text that would end its own quotation is shown as lines', () => {
    assert.equal(
      shown({ key: 'k', before: 'a', after: 'b" -> "a' }),
      '    k:\n      @@ -1,1 +1,1 @@\n      -a\n      \\ no newline at the end\n      +b" -> "a\n      \\ no newline at the end\n',
    );
  });

  test('a text in the place of a number is shown whole, beside the number', () => {
    const text = shown({ key: 'k', before: 7, after: 'x'.repeat(700) });
    assert.match(text, /^ {4}k: 7 -> the text below\n/);
    assert.ok(text.includes(`+${'x'.repeat(700)}\n`));
  });

  test('an array shows its first elements, how many there are and the digest', () => {
    const array = {
      kind: 'array',
      elementType: 'string',
      count: 3,
      digest,
      first: ['a"', '\u202e'],
    } as const;
    assert.equal(
      shown({ key: 'k', after: array }),
      '    k: none -> 3 x string ["a\\"", "\\u{202e}", ...] (abababababab)\n',
    );
  });

  test('zero is told from minus zero, and no mark or escape is raw, in keys neither', () => {
    assert.equal(shown({ key: 'k\u001b', before: 0, after: -0 }), '    k\\u{1b}: 0 -> -0\n');
    assert.doesNotMatch(shown({ key: 'k', before: '\u202ea', after: '\u001b[2J' }), /\p{Cc}(?<!\n)|\p{Cf}/u);
  });
});
