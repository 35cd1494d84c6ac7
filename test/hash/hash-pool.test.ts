import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, describe, test } from 'node:test';
import { ChunkTableBuilder, HashPool } from '../../src/hash/index.ts';
import { readLength } from '../../src/hash/read-through.ts';
import { digestFromBytes } from '../../src/oci/index.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { openDescriptors, runningThreads } from '../fixtures/process-counts.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';

const files = new ScratchFiles();
after(() => files.remove());

const piece = 2 ** 20;
const blob = patternedBytes(2 * piece + 1);
const sizes = [0, 1, 4095, 4096, 4097].concat(
  [readLength, piece, 2 * piece].flatMap((boundary) => [boundary - 1, boundary, boundary + 1]),
);
const digestOf = (bytes: Uint8Array) => digestFromBytes(createHash('sha256').update(bytes).digest());

function tableOf(bytes: Uint8Array) {
  const builder = new ChunkTableBuilder(piece);
  builder.update(bytes);
  return builder.finish();
}

for (const threads of [2, 0]) {
  describe(threads === 0 ? 'the pool without threads' : 'the pool', () => {
    const pool = new HashPool({ threads });
    after(() => pool.close());

    test('gives the digest of every size around every boundary', async () => {
      for (const size of sizes) {
        const bytes = blob.subarray(0, size);
        const found = await pool.digest(files.holding(bytes), 'x');
        assert.deepEqual(found, { digest: digestOf(bytes), size, table: undefined }, `${size} bytes`);
      }
    });

    test('gives digest and chunk table in one pass over the same bytes', async () => {
      for (const size of sizes) {
        const bytes = blob.subarray(0, size);
        const before = pool.bytesRead;
        const found = await pool.digest(files.holding(bytes), 'x', piece);
        assert.deepEqual(found, { digest: digestOf(bytes), size, table: tableOf(bytes) }, `${size} bytes`);
        assert.equal(pool.bytesRead - before, size);
      }
    });

    test('refuses a piece size that no table may have', async () => {
      await assert.rejects(pool.digest(files.holding(blob), 'x', 1000), { code: 'CHUNK_TABLE_MALFORMED' });
    });

    test('reads a file again with the same digest, whatever its size', async () => {
      for (const size of sizes) {
        const bytes = blob.subarray(0, size);
        const { cacheBypassed, ...found } = await pool.again(files.holding(bytes), 'x');
        const nothing = { zeroExtents: [], zeroExtentCount: 0, zeroBytes: 0 };
        assert.deepEqual(found, { digest: digestOf(bytes), size, ...nothing }, `${size} bytes`);
        assert.equal(typeof cacheBypassed, 'boolean');
      }
    });

    test('locates zeroed extents on the second reading, across the borders of reads', async () => {
      const bytes = Buffer.from(blob);
      const holes = [
        { start: 8192, end: 12_288 },
        { start: readLength - 4096, end: readLength + 8192 },
        { start: 2 * piece - 4096, end: 2 * piece },
      ];
      for (const { start, end } of holes) bytes.fill(0, start, end);
      bytes.fill(0, 20_001, 20_001 + 4096);
      const found = await pool.again(files.holding(bytes), 'x');
      assert.deepEqual(found.zeroExtents, holes);
      assert.deepEqual([found.zeroExtentCount, found.zeroBytes], [3, 4096 + 12_288 + 4096]);
      assert.equal(found.digest, digestOf(bytes));
    });

    test('says when the second reading could not go past the page cache', {
      skip: process.platform === 'linux' ? false : 'needs Linux: /proc',
    }, async () => {
      const found = await pool.again(files.open('/proc/version'), 'x');
      assert.equal(found.cacheBypassed, false);
    });

    test('leaves no descriptor behind, and no thread', async () => {
      const fd = files.holding(blob);
      const directory = files.open(files.folder);
      await pool.again(fd, 'warm');
      const [before, threadsBefore] = [openDescriptors(), runningThreads()];
      const other = new HashPool({ threads: threads === 0 ? 0 : 3 });
      const table = tableOf(blob);
      const work = Array.from({ length: 6 }, () => [
        other.digest(fd, 'x'),
        other.again(fd, 'x'),
        other.again(directory, 'x'),
        other.verifyPieces(fd, 'x', table),
        other.verifyPieces(fd, 'x', { ...table, size: table.size - 1 }),
      ]).flat();
      const outcomes = await Promise.allSettled(work);
      assert.equal(outcomes.filter(({ status }) => status === 'rejected').length, 12);
      if (threads === 0) assert.equal(runningThreads(), threadsBefore);
      await other.close();
      assert.equal(openDescriptors(), before);
      assert.equal(runningThreads(), threadsBefore);
    });
  });
}
