import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { rawToBytes, rawToText, textToRaw } from '../../src/files/index.ts';

const anyName = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));

describe('a raw name', () => {
  test('gives its bytes back, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        assert.deepEqual(rawToBytes(Buffer.from(bytes).toString('latin1')), Buffer.from(bytes));
      }),
    );
  });

  test('is the text where it is UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        assert.equal(rawToText(textToRaw(text)), text);
      }),
    );
    assert.equal(rawToText(textToRaw('\ufeffmodel')), '\ufeffmodel', 'a byte order mark is part of the name');
  });

  test('that is no UTF-8 shows each byte beyond ASCII, and never a replacement character', () => {
    assert.equal(rawToText('a\xff\xfeb'), 'a\\xff\\xfeb');
    assert.equal(rawToText('\xe2\x82'), '\\xe2\\x82');
    fc.assert(
      fc.property(anyName, (raw) =>
        assert.ok(!rawToText(raw).includes('\ufffd') || Buffer.from(raw, 'latin1').includes('\ufffd')),
      ),
    );
  });
});
