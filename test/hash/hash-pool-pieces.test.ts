import assert from 'node:assert/strict';
import { appendFileSync, closeSync, openSync, truncateSync, utimesSync, writeSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { type ChunkTable, ChunkTableBuilder, HashPool, parseChunkTable } from '../../src/hash/index.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';

const files = new ScratchFiles();
const pools = [1, 2, 3].map((threads) => new HashPool({ threads }));
const [, pool = pools[0] as HashPool] = pools;
after(async () => {
  await Promise.all(pools.map((one) => one.close()));
  files.remove();
});

const piece = 2 ** 20;
const blob = patternedBytes(5 * piece + 3);

function tableOf(bytes: Uint8Array): ChunkTable {
  const builder = new ChunkTableBuilder(piece);
  builder.update(bytes);
  return builder.finish();
}

/** The blob with single bits flipped. */
function damaged(places: readonly number[]): Buffer {
  const bytes = Buffer.from(blob);
  for (const at of places) bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  return bytes;
}

describe('a blob held against its chunk table', () => {
  const table = tableOf(blob);

  test('is right on any number of threads, and every byte is read once', async () => {
    const fd = files.holding(blob);
    for (const one of pools) {
      const before = one.bytesRead;
      assert.deepEqual(await one.verifyPieces(fd, 'x', table), []);
      assert.equal(one.bytesRead - before, blob.length);
    }
  });

  test('is right for every size around a piece, down to nothing', async () => {
    for (const size of [0, 1, piece - 1, piece, piece + 1, 2 * piece]) {
      const bytes = blob.subarray(0, size);
      assert.deepEqual(
        await pool.verifyPieces(files.holding(bytes), 'x', tableOf(bytes)),
        [],
        `${size} bytes`,
      );
    }
  });

  test('is wrong in exactly the piece whose first or last byte has one bit flipped', async () => {
    for (let number = 0; number < table.count; number += 1) {
      for (const at of [number * piece, Math.min((number + 1) * piece, blob.length) - 1]) {
        assert.deepEqual(await pool.verifyPieces(files.holding(damaged([at])), 'x', table), [number]);
      }
    }
  });

  test('is wrong in exactly the pieces that are damaged, in order', async () => {
    const someBytes = fc.uniqueArray(fc.nat(blob.length - 1), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(someBytes, fc.constantFrom(...pools), async (places, one) => {
        const fd = files.holding(damaged(places));
        const expected = new Set(places.map((at) => Math.floor(at / piece)));
        assert.deepEqual(
          await one.verifyPieces(fd, 'x', table),
          [...expected].sort((a, b) => a - b),
        );
      }),
      { numRuns: 20 },
    );
  });

  test('is wrong where two equal pieces would hide an exchange: place counts', async () => {
    const exchanged = Buffer.concat([blob.subarray(piece, 2 * piece), blob.subarray(0, piece)]);
    const right = tableOf(blob.subarray(0, 2 * piece));
    assert.deepEqual(await pool.verifyPieces(files.holding(exchanged), 'x', right), [0, 1]);
  });

  test('is refused by its size alone, without reading', async () => {
    const before = pool.bytesRead;
    const short = files.holding(blob.subarray(0, blob.length - 1));
    const facts = { actual: blob.length - 1, expected: blob.length };
    await assert.rejects(pool.verifyPieces(short, 'x', table), { code: 'STREAM_TOO_SHORT', facts });
    const long = files.holding(Buffer.concat([blob, Buffer.from('x')]));
    const expected = { code: 'STREAM_TRAILING', facts: { expected: blob.length } };
    await assert.rejects(pool.verifyPieces(long, 'x', table), expected);
    assert.equal(pool.bytesRead, before);
  });

  test('is refused when it changes before the last piece was read', async () => {
    const changes: [string, (path: string) => void][] = [
      ['size', (path) => appendFileSync(path, 'x')],
      ['size', (path) => truncateSync(path, piece)],
      ['mtimeNs', (path) => overwrite(path)],
    ];
    for (const [field, change] of changes) {
      const path = files.write(blob);
      utimesSync(path, 1000, 1000);
      const verdict = pool.verifyPieces(files.open(path), 'x', table);
      change(path);
      const facts = { problem: `its ${field} moved while it was read` };
      await assert.rejects(verdict, { code: 'FILE_CHANGED', facts });
    }
  });

  test('lists the first 1,000 wrong pieces, in order, however many there are', async () => {
    const count = 1003;
    const path = files.write(Buffer.alloc(0));
    truncateSync(path, count * piece);
    const wrong = parseChunkTable(new Uint8Array(count * 32), count * piece, piece);
    assert.deepEqual(
      await pool.verifyPieces(files.open(path), 'x', wrong),
      Array.from({ length: 1000 }, (_, number) => number),
    );
  });

  test('does not follow the table when the caller changes it afterwards', async () => {
    const own = { ...table, bytes: Uint8Array.from(table.bytes) };
    const verdict = pool.verifyPieces(files.holding(blob), 'x', own);
    own.bytes.fill(0);
    assert.deepEqual(await verdict, []);
  });
});

function overwrite(path: string): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, 'X', 3 * piece);
  closeSync(fd);
}
