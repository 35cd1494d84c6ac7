import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Extent, ZeroFinder } from '../../src/hash/zero-extents.ts';

const block = 4096;

/** Bytes made of blocks: 0 is a block of zeros, n > 0 one with a single byte set, at a place that depends on n. */
function blocksOf(pattern: readonly number[], tail: number, tailSet: boolean): Buffer {
  const bytes = Buffer.alloc(pattern.length * block + tail);
  pattern.forEach((kind, index) => {
    if (kind > 0) bytes[index * block + ((kind * 1365) % block)] = kind;
  });
  if (tail > 0 && tailSet) bytes[bytes.length - 1] = 1;
  return bytes;
}

function find(bytes: Buffer, partLength = bytes.length || 1): ZeroFinder {
  const finder = new ZeroFinder();
  for (let at = 0; at < bytes.length; at += partLength)
    finder.update(bytes.subarray(at, at + partLength), at);
  finder.finish();
  return finder;
}

/** What must be found, block by block. */
function expected(bytes: Buffer): Extent[] {
  const extents: { start: number; end: number }[] = [];
  for (let start = 0; start < bytes.length; start += block) {
    const end = Math.min(start + block, bytes.length);
    if (bytes.subarray(start, end).some((byte) => byte !== 0)) continue;
    const last = extents.at(-1);
    if (last?.end === start) last.end = end;
    else extents.push({ start, end });
  }
  return extents;
}

describe('zeroed extents', () => {
  test('are found exactly, in whatever parts the bytes come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(3), { maxLength: 40 }),
        fc.nat(block - 1),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        (pattern, tail, tailSet, blocksInPart) => {
          const bytes = blocksOf(pattern, tail, tailSet);
          const finder = find(bytes, blocksInPart * block);
          const all = expected(bytes);
          assert.deepEqual(finder.extents, all.slice(0, 16));
          assert.equal(finder.count, all.length);
          assert.equal(
            finder.bytes,
            all.reduce((sum, { start, end }) => sum + end - start, 0),
          );
        },
      ),
    );
  });

  test('are kept up to sixteen, and counted beyond', () => {
    const finder = find(
      blocksOf(
        Array.from({ length: 60 }, (_, index) => index % 2),
        0,
        false,
      ),
    );
    assert.equal(finder.extents.length, 16);
    assert.deepEqual(finder.extents[15], { start: 30 * block, end: 31 * block });
    assert.equal(finder.count, 30);
    assert.equal(finder.bytes, 30 * block);
  });

  test('are none in an empty file, and the whole of a file of zeros', () => {
    assert.deepEqual(find(Buffer.alloc(0)).extents, []);
    assert.deepEqual(find(Buffer.alloc(10_000)).extents, [{ start: 0, end: 10_000 }]);
  });

  test('are no shorter than a block, except at the end: zeros within a block are data', () => {
    const bytes = Buffer.alloc(3 * block);
    for (const at of [0, block + 1, 3 * block - 1]) bytes[at] = 1;
    assert.deepEqual(find(bytes).extents, []);
  });
});
