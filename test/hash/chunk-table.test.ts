import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  ChunkTableBuilder,
  checkPieceSize,
  defaultPieceSize,
  parseChunkTable,
  pieceCount,
  pieceDigest,
} from '../../src/hash/index.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';

const mebibyte = 1024 * 1024;

/** The table as its definition says: cut, hash each, put in a row. */
function tableByDefinition(bytes: Buffer, pieceSize: number): Buffer {
  const digests: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceSize) {
    digests.push(
      createHash('sha256')
        .update(bytes.subarray(at, at + pieceSize))
        .digest(),
    );
  }
  return Buffer.concat(digests);
}

const malformed = (problem: string) => ({ code: 'CHUNK_TABLE_MALFORMED', facts: { problem } });

describe('the chunk table', () => {
  const bytes = patternedBytes(3 * mebibyte + 5);

  test('has one digest a piece for every size around the boundaries', () => {
    for (const size of [0, 1, mebibyte - 1, mebibyte, mebibyte + 1, 2 * mebibyte, 3 * mebibyte + 5]) {
      const builder = new ChunkTableBuilder(mebibyte);
      builder.update(bytes.subarray(0, size));
      const expected = tableByDefinition(bytes.subarray(0, size), mebibyte);
      assert.deepEqual(builder.finish(), {
        pieceSize: mebibyte,
        size,
        count: Math.ceil(size / mebibyte),
        bytes: new Uint8Array(expected),
      });
    }
  });

  test('is the same wherever the bytes are cut', () => {
    const expected = new Uint8Array(tableByDefinition(bytes, mebibyte));
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
        const builder = new ChunkTableBuilder(mebibyte);
        let from = 0;
        for (const to of [...cuts.sort((a, b) => a - b), bytes.length]) {
          builder.update(bytes.subarray(from, to));
          from = to;
        }
        assert.deepEqual(builder.finish().bytes, expected);
      }),
      { numRuns: 25 },
    );
  });

  test('grows beyond its first 64 pieces, and beyond twice as many', () => {
    const piece = bytes.subarray(0, mebibyte);
    const digest = createHash('sha256').update(piece).digest();
    const builder = new ChunkTableBuilder(mebibyte);
    for (let count = 0; count < 130; count += 1) builder.update(piece);
    const table = builder.finish();
    assert.equal(table.count, 130);
    for (let number = 0; number < 130; number += 1) {
      assert.deepEqual(Buffer.from(pieceDigest(table, number)), digest, `piece ${number}`);
    }
  });

  test('holds only its own bytes, so that it can be sent to another thread whole', () => {
    const builder = new ChunkTableBuilder(mebibyte);
    builder.update(bytes);
    const table = builder.finish();
    assert.equal(table.bytes.buffer.byteLength, table.count * 32);
  });

  test('takes 16 MiB as the size of a piece when none is given', () => {
    assert.equal(defaultPieceSize, 16 * mebibyte);
    assert.equal(new ChunkTableBuilder().finish().pieceSize, defaultPieceSize);
    assert.equal(parseChunkTable(new Uint8Array(32), 1).pieceSize, defaultPieceSize);
  });

  test('takes powers of two from 1 MiB to 1 GiB as the size of a piece, and nothing else', () => {
    for (let power = 20; power <= 30; power += 1) assert.equal(checkPieceSize(2 ** power), 2 ** power);
    const bad = [0, 1, -1, 2 ** 19, 2 ** 31, 3 * mebibyte, mebibyte + 1, mebibyte + 0.5, -(2 ** 20)];
    for (const size of [...bad, Number.NaN, Number.POSITIVE_INFINITY]) {
      const error = malformed(`${size} is no piece size: a power of two from 1 MiB to 1 GiB`);
      assert.throws(() => checkPieceSize(size), error);
      assert.throws(() => new ChunkTableBuilder(size), error);
      assert.throws(() => parseChunkTable(new Uint8Array(), 0, size), error);
    }
  });

  test('parses when its length is 32 bytes for each piece of the blob', () => {
    const raw = patternedBytes(96);
    const table = parseChunkTable(raw, 2 * mebibyte + 1, mebibyte);
    assert.deepEqual(table, { pieceSize: mebibyte, size: 2 * mebibyte + 1, count: 3, bytes: raw });
    assert.deepEqual(pieceDigest(table, 2), raw.subarray(64));
    assert.deepEqual(parseChunkTable(new Uint8Array(), 0).count, 0);
  });

  test('is refused when length, size and count disagree', () => {
    const cases: [number, number, number][] = [
      [0, 1, 1],
      [32, 0, 0],
      [31, 1, 1],
      [33, 1, 1],
      [64, mebibyte, 1],
      [32, mebibyte + 1, 2],
      [95, 3 * mebibyte, 3],
    ];
    for (const [length, size, count] of cases) {
      assert.throws(
        () => parseChunkTable(new Uint8Array(length), size, mebibyte),
        malformed(`${length} bytes for ${count} pieces, expected ${count * 32}`),
      );
    }
  });

  test('is refused for a size that no blob can have', () => {
    for (const size of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      assert.throws(
        () => parseChunkTable(new Uint8Array(32), size),
        malformed(`${size} is no size of a blob`),
      );
    }
  });

  test('counts the pieces of any size', () => {
    assert.deepEqual(
      [0, 1, 15, 16, 17, 32, 33].map((size) => pieceCount(size, 16)),
      [0, 1, 1, 1, 2, 2, 3],
    );
  });
});
