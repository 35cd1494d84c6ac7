import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseDigest } from '../../src/oci/index.ts';
import { BlobTable } from '../../src/store/index.ts';

const digestOf = (n: number) => parseDigest(`sha256:${createHash('sha256').update(`${n}`).digest('hex')}`);

const blobs = fc.array(
  fc.record({
    digest: fc.nat({ max: 50 }).map(digestOf),
    size: fc.nat(),
    link: fc.boolean(),
    colon: fc.boolean(),
  }),
  { maxLength: 60 },
);

describe('a table of blobs', () => {
  test('gives back what was put in', () => {
    fc.assert(
      fc.property(blobs, (put) => {
        const table = new BlobTable();
        assert.deepEqual(
          put.map((blob) => table.add(blob)),
          put.map((_, n) => n),
        );
        assert.equal(table.length, put.length);
        for (const [n, { digest, size, link, colon }] of put.entries()) {
          assert.deepEqual(
            [table.digest(n), table.size(n), table.isLink(n), table.isColon(n)],
            [digest, size, link, colon],
          );
          assert.equal(table.fileName(n), colon ? digest : digest.replace(':', '-'));
        }
      }),
    );
  });

  test('holds more than a page, and files of petabytes', () => {
    const table = new BlobTable();
    const count = 3 * 16_384 + 1;
    for (let n = 0; n < count; n += 1)
      table.add({ digest: digestOf(n), size: 2 ** 52 + n, link: n % 2 === 1, colon: n % 3 === 1 });
    for (const n of [0, 1, 16_383, 16_384, 32_767, 32_768, count - 1]) {
      assert.deepEqual(
        [table.digest(n), table.size(n), table.isLink(n), table.isColon(n)],
        [digestOf(n), 2 ** 52 + n, n % 2 === 1, n % 3 === 1],
      );
    }
    assert.throws(() => table.digest(4 * 16_384), RangeError);
    assert.throws(() => new BlobTable().size(0), RangeError);
  });

  test('orders by size, the biggest first, then by digest, then the proper name first', () => {
    fc.assert(
      fc.property(blobs, (put) => {
        const table = new BlobTable();
        for (const blob of put) table.add({ ...blob, size: blob.size % 3 });
        const order = Array.from(put.keys()).sort((a, b) => table.compare(a, b));
        const keys = order.map((n) =>
          [2 - table.size(n), table.digest(n), table.isColon(n) ? 1 : 0].join(' '),
        );
        assert.deepEqual(keys, keys.toSorted());
        for (const n of order) assert.equal(table.compare(n, n), 0);
      }),
    );
  });

  test('divides its blobs into parts by their digests alone', () => {
    fc.assert(
      fc.property(blobs, fc.integer({ min: 1, max: 100 }), (put, parts) => {
        const table = new BlobTable();
        for (const blob of put) table.add(blob);
        for (const [n, { digest }] of put.entries()) {
          assert.equal(table.part(n, parts), Number(BigInt(`0x${digest.slice(7, 19)}`) % BigInt(parts)));
        }
      }),
    );
  });
});
