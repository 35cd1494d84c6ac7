import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readGgufMetadata } from '../../src/gguf/index.ts';
import { makeGguf, text, u32, u64 } from '../fixtures/gguf.ts';
import { arrayBytes, ggufHead, readBytes, stored, stringValue } from '../fixtures/gguf-parts.ts';

const problemOf = (bytes: Uint8Array): string => {
  const reading = readBytes(bytes);
  return reading.ok ? 'none' : reading.problem;
};

const ofValue = (type: number, bytes: Uint8Array): string => problemOf(ggufHead([['k', { type, bytes }]]));

const most = 2n ** 64n - 1n;

/** An array that holds one array, and so on. */
const nested = (depth: number): Buffer =>
  depth === 1
    ? arrayBytes(stored.uint8, 1, Buffer.from([1]))
    : arrayBytes(stored.array, 1, nested(depth - 1));

describe('a GGUF that is not read says why', () => {
  test('no bytes, other letters, another version and another byte order', () => {
    assert.equal(problemOf(Buffer.alloc(0)), 'it ends too early, at byte 0');
    assert.equal(problemOf(Buffer.from('GG')), 'it ends too early, at byte 2');
    assert.equal(
      problemOf(Buffer.from('PK\u0003\u0004....')),
      'it is no GGUF: it does not start with these four letters',
    );
    for (const version of [0, 1, 4]) {
      const said = `it is a GGUF of version ${version}; versions 2 and 3 are supported`;
      assert.equal(problemOf(ggufHead([], { version })), said);
    }
    const big = 'it is a big-endian GGUF, which is not supported';
    assert.equal(problemOf(ggufHead([], { version: 0x03000000 })), big);
    assert.equal(problemOf(Buffer.from('FUGG\u0003\0\0\0')), big);
  });

  test('a key that stands twice', () => {
    const twice = makeGguf({ metadata: [['general.name', 'other']] });
    assert.equal(problemOf(twice), 'the key "general.name" stands twice, in key 10 of 10');
  });

  test('a key that is not UTF-8 or longer than the specification lets it be', () => {
    const key = (bytes: Buffer) =>
      Buffer.concat([ggufHead([], { keys: 1 }), bytes, u32(stored.uint8), u32(1)]);
    assert.equal(
      problemOf(key(Buffer.concat([u64(1), Buffer.from([0xff])]))),
      'the key "\\\\xff" is not UTF-8, in key 1 of 1',
    );
    assert.equal(problemOf(key(text('x'.repeat(65_535)))), 'none');
    assert.equal(
      problemOf(key(text('x'.repeat(65_536)))),
      'a key says it has 65536 bytes; at most 65535 are read, in key 1 of 1',
    );
  });

  test('a type that the specification does not have, for a value and for elements', () => {
    const said = (type: number) => `its type ${type} is not one of the specification, in the value of "k"`;
    assert.equal(ofValue(13, Buffer.alloc(8)), said(13));
    assert.equal(ofValue(0xffffffff, Buffer.alloc(8)), said(0xffffffff));
    assert.equal(ofValue(stored.array, arrayBytes(99, 1, Buffer.alloc(8))), said(99));
  });

  test('a boolean that is neither 0 nor 1, also deep in a list', () => {
    const said = 'a boolean is 2, neither 0 nor 1, in the value of "k"';
    assert.equal(ofValue(stored.bool, Buffer.from([2])), said);
    assert.equal(
      ofValue(stored.array, arrayBytes(stored.bool, 70_000, Buffer.alloc(69_999, 1), Buffer.from([2]))),
      said,
    );
  });

  test('arrays nested five deep; four are read', () => {
    assert.equal(ofValue(stored.array, nested(4)), 'none');
    assert.equal(ofValue(stored.array, nested(5)), 'arrays are nested deeper than 4, in the value of "k"');
    assert.equal(
      ofValue(stored.array, nested(2_000)),
      'arrays are nested deeper than 4, in the value of "k"',
    );
  });

  test('the nesting is counted in elements that are not shown too', () => {
    const flat = arrayBytes(stored.uint8, 0);
    const value = (last: Buffer) =>
      arrayBytes(stored.array, 10, ...Array.from({ length: 9 }, () => flat), last);
    assert.equal(ofValue(stored.array, value(nested(3))), 'none');
    assert.equal(
      ofValue(stored.array, value(nested(4))),
      'arrays are nested deeper than 4, in the value of "k"',
    );
  });
});

describe('counts and lengths are bounded before they are used', () => {
  /** The problem, and how many bytes were asked for to find it. */
  function lookedAt(bytes: Buffer): { problem: string; reads: number; longest: number } {
    const seen = { reads: 0, longest: 0 };
    const reading = readGgufMetadata((offset, length) => {
      seen.reads += 1;
      seen.longest = Math.max(seen.longest, length);
      // A file that goes on for ever.
      const part = Buffer.alloc(length);
      bytes.copy(part, 0, Math.min(offset, bytes.length));
      return part;
    });
    return { problem: reading.ok ? 'none' : reading.problem, ...seen };
  }

  const cases: readonly (readonly [string, Buffer, string])[] = [
    [
      'tensors',
      ggufHead([], { tensors: most }),
      `it says it has ${most} tensors; at most 9007199254740991 are read`,
    ],
    ['keys', ggufHead([], { keys: most }), `it says it has ${most} keys; at most 65536 are read`],
    [
      'keys just above the limit',
      ggufHead([], { keys: 65_537 }),
      'it says it has 65537 keys; at most 65536 are read',
    ],
    [
      'the length of a key',
      Buffer.concat([ggufHead([], { keys: 1 }), u64(most)]),
      `a key says it has ${most} bytes; at most 65535 are read, in key 1 of 1`,
    ],
    [
      'the length of a string',
      ggufHead([['k', { type: stored.string, bytes: u64(most) }]]),
      `a string says it has ${most} bytes; at most 67108819 are read, in the value of "k"`,
    ],
    [
      'the length of a string in a list',
      ggufHead([['k', { type: stored.array, bytes: arrayBytes(stored.string, 1, u64(2n ** 32n)) }]]),
      'a string says it has 4294967296 bytes; at most 67108807 are read, in the value of "k"',
    ],
    [
      'the count of a list',
      ggufHead([['k', { type: stored.array, bytes: arrayBytes(stored.uint64, most) }]]),
      `an array says it has ${most} elements; at most 9007199254740991 are read, in the value of "k"`,
    ],
    [
      'a count whose product would wrap around in 64 bits',
      ggufHead([['k', { type: stored.array, bytes: arrayBytes(stored.uint64, 2n ** 61n + 1n) }]]),
      `an array says it has ${2n ** 61n + 1n} elements; at most 9007199254740991 are read, in the value of "k"`,
    ],
    [
      'a list longer than what is read',
      ggufHead([['k', { type: stored.array, bytes: arrayBytes(stored.uint64, 8_388_608) }]]),
      'an array says it has 8388608 elements: more than the 67108864 bytes that are read, in the value of "k"',
    ],
  ];
  for (const [what, bytes, problem] of cases) {
    test(`${what}: refused after one block`, () => {
      assert.deepEqual(lookedAt(bytes), { problem, reads: 1, longest: 65_536 });
    });
  }

  test('metadata that never ends is read up to the limit and not a byte further', () => {
    let furthest = 0;
    const head = ggufHead([['k', { type: stored.array, bytes: arrayBytes(stored.string, 11_243) }]], {
      keys: 9,
    });
    const reading = readGgufMetadata(
      (offset, length) => {
        furthest = Math.max(furthest, offset + length);
        const part = Buffer.alloc(length);
        head.copy(part, 0, Math.min(offset, head.length));
        return part;
      },
      { bytes: 90_000 },
    );
    assert.deepEqual(reading, {
      ok: false,
      problem: 'it goes on beyond the 90000 bytes that are read, in key 2 of 9',
    });
    assert.equal(furthest, 90_000);
  });

  test('kept text is bounded in all: what comes later is known by its digest', () => {
    const reading = readBytes(ggufHead(['a', 'b', 'c'].map((key) => [key, stringValue('12345')])), {
      allTextBytes: 10,
    });
    assert.ok(reading.ok);
    const kinds = [...reading.metadata.values.values()].map((value) => typeof value);
    assert.deepEqual(kinds, ['string', 'string', 'object']);
  });
});
