import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeBeginning, decodeText } from '../../src/gguf/text.ts';

/** The bytes that an escaped text stands for. */
function unescaped(text: string): Buffer {
  const parts = text.split(/\\x([0-9a-f]{2})/);
  return Buffer.concat(
    parts.map((part, index) => (index % 2 === 0 ? Buffer.from(part) : Buffer.from(part, 'hex'))),
  );
}

describe('text of a GGUF', () => {
  test('UTF-8 is kept as it is, a byte order mark and a backslash too', () => {
    for (const text of ['', 'a\\xff', '\ufeffa', 'é你😀', 'a\0b']) {
      assert.deepEqual(decodeText(Buffer.from(text)), { text, wellFormed: true });
    }
  });

  test('what is not UTF-8 by table 3-7 of Unicode is escaped, and what is readable beside it stays', () => {
    const cases = [
      [[0x61, 0xff, 0x62], 'a\\xffb'],
      [[0xc0, 0x80], '\\xc0\\x80'],
      [[0xe0, 0x9f, 0xbf], '\\xe0\\x9f\\xbf'],
      [[0xed, 0xa0, 0x80], '\\xed\\xa0\\x80'],
      [[0xf0, 0x8f, 0xbf, 0xbf], '\\xf0\\x8f\\xbf\\xbf'],
      [[0xf4, 0x90, 0x80, 0x80], '\\xf4\\x90\\x80\\x80'],
      [[0xc3, 0xa9, 0xc3], 'é\\xc3'],
      [[0xff, 0x5c, 0x78, 0x5c, 0x6e], '\\xff\\x5cx\\n'],
    ] as const;
    for (const [bytes, text] of cases) {
      assert.deepEqual(decodeText(Uint8Array.from(bytes)), { text, wellFormed: false });
    }
  });

  test('no two byte strings that are not UTF-8 read alike', () => {
    const byte = fc.constantFrom(
      0x5c,
      0x78,
      0x66,
      0x61,
      0xc3,
      0xa9,
      0xed,
      0xa0,
      0x80,
      0xf0,
      0x9f,
      0x98,
      0xff,
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), fc.array(byte, { maxLength: 12 }), (random, chosen) => {
        const bytes = Buffer.concat([random, Uint8Array.from(chosen)]);
        const { text, wellFormed } = decodeText(bytes);
        assert.equal(wellFormed, Buffer.from(bytes.toString('utf8')).equals(bytes));
        assert.deepEqual(wellFormed ? Buffer.from(text) : unescaped(text), bytes);
      }),
      { numRuns: 2_000 },
    );
  });

  test('a beginning that ends within a character leaves it out', () => {
    assert.equal(decodeBeginning(Buffer.from('aé').subarray(0, 2)), 'a');
    assert.equal(decodeBeginning(Buffer.from([0x61, 0xff])), 'a\\xff');
  });
});
