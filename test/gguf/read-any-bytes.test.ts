import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readGgufMetadata } from '../../src/gguf/index.ts';
import { makeGguf } from '../fixtures/gguf.ts';
import { arrayBytes, ggufHead, readBytes, stored } from '../fixtures/gguf-parts.ts';

const sample = makeGguf({
  values: 1,
  metadata: [
    ['tokenizer.chat_template', '{{ messages }}'],
    ['flags', { type: stored.array, bytes: arrayBytes(stored.bool, 3, Buffer.from([1, 0, 1])) }],
    [
      'nested',
      {
        type: stored.array,
        bytes: arrayBytes(stored.array, 1, arrayBytes(stored.int8, 2, Buffer.from([1, 2]))),
      },
    ],
  ],
});

/** Reads, and holds the reader to its promises about the source. */
function readHeld(bytes: Uint8Array): boolean {
  let next = 0;
  const reading = readGgufMetadata((offset, length) => {
    assert.equal(offset, next, 'it reads forwards, each byte once');
    assert.ok(length >= 1 && length <= 65_536);
    const part = bytes.subarray(offset, offset + length);
    next = offset + part.length;
    return part;
  });
  if (reading.ok) assert.equal(reading.metadata.keyCount, reading.metadata.values.size);
  else assert.notEqual(reading.problem, '');
  return reading.ok;
}

describe('whatever the bytes are, there is an answer', () => {
  test('every truncation of the metadata is told as such, and a file cut later is read', () => {
    const whole = readBytes(sample);
    assert.ok(whole.ok);
    const end = sample.indexOf('token_embd.weight') - 8;
    for (let length = 0; length < sample.length; length += 1) {
      const reading = readBytes(sample.subarray(0, length));
      if (length >= end) assert.deepEqual(reading, whole);
      else
        assert.match(
          reading.ok ? '' : reading.problem,
          new RegExp(`^it ends too early, at byte ${length}(?:,|$)`),
        );
    }
  });

  test('random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void readHeld(bytes)));
  });

  test('random bytes after a header that is right', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat({ max: 40 }), (bytes, keys) => {
        readHeld(Buffer.concat([ggufHead([], { keys }), bytes]));
      }),
      { numRuns: 500 },
    );
  });

  test('a file with bytes overwritten, taken out and put in', () => {
    const change = fc.record({
      at: fc.nat({ max: sample.length - 1 }),
      out: fc.nat({ max: 9 }),
      put: fc.oneof(fc.uint8Array({ maxLength: 9 }), fc.constant(new Uint8Array(8).fill(0xff))),
    });
    const results = new Set<boolean>();
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = changes.reduce(
          (file, { at, out, put }) => Buffer.concat([file.subarray(0, at), put, file.subarray(at + out)]),
          sample,
        );
        results.add(readHeld(bytes));
      }),
      { numRuns: 2_000 },
    );
    assert.equal(results.size, 2, 'some were read and some were not');
  });

  test('one byte changed anywhere in the metadata is a problem or another value', () => {
    const whole = readBytes(sample);
    const end = sample.indexOf('token_embd.weight') - 8;
    for (let at = 0; at < end; at += 1) {
      const changed = Buffer.from(sample);
      changed.writeUInt8(sample.readUInt8(at) ^ 1, at);
      assert.notDeepEqual(readBytes(changed), whole, `byte ${at}`);
    }
  });
});
