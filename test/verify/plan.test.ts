import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseDigest } from '../../src/oci/index.ts';
import { BlobTable } from '../../src/store/index.ts';
import type { Inventory } from '../../src/verify/inventory.ts';
import { References } from '../../src/verify/model-records.ts';
import { planHashing, quickLimit } from '../../src/verify/plan.ts';

const digestOf = (n: number) => parseDigest(`sha256:${createHash('sha256').update(`${n}`).digest('hex')}`);

function inventoryOf(sizes: readonly number[], colons: readonly number[] = []): Inventory {
  const table = new BlobTable();
  for (const [n, size] of sizes.entries())
    table.add({ digest: digestOf(n), size, link: false, colon: false });
  for (const n of colons) table.add({ digest: digestOf(n), size: sizes[n] ?? 0, link: false, colon: true });
  return { table, references: new References(), orphans: 0, partials: 0, complete: true };
}

const everything = { quick: false };
const sizesOf = ({ table }: Inventory, order: Uint32Array): number[] => [...order].map((n) => table.size(n));

describe('the plan', () => {
  test('takes the biggest blob first', () => {
    const inventory = inventoryOf([3, 100, 20, 100, 0]);
    const { order, all, bytes, bytesToHash } = planHashing(inventory, everything, undefined);
    assert.deepEqual(sizesOf(inventory, order), [100, 100, 20, 3, 0]);
    assert.deepEqual([[...all], bytes, bytesToHash], [[...order], 223, 223]);
  });

  test('depends on what is there, not on the order in which the disk gave it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 30 }),
        fc.infiniteStream(fc.nat()),
        (sizes, keys) => {
          const table = new BlobTable();
          const shuffled = sizes
            .map((size, n) => ({ n, size, key: keys.next().value ?? 0 }))
            .sort((a, b) => a.key - b.key);
          for (const { n, size } of shuffled)
            table.add({ digest: digestOf(n), size, link: false, colon: false });
          const inventory = inventoryOf(sizes);
          const digests = (of: Inventory) =>
            [...planHashing(of, everything, undefined).order].map((at) => of.table.digest(at));
          assert.deepEqual(digests({ ...inventory, table }), digests(inventory));
        },
      ),
    );
  });

  test('of all parts of a subset together is the whole store, each blob once', () => {
    const inventory = inventoryOf(Array.from({ length: 200 }, (_, n) => n));
    for (const count of [1, 2, 7, 13]) {
      const parts = Array.from({ length: count }, (_, at) =>
        planHashing(inventory, { quick: false, subset: { part: at + 1, of: count } }, undefined),
      );
      const together = parts.flatMap(({ order }) => [...order]).sort((a, b) => a - b);
      assert.deepEqual(
        together,
        Array.from({ length: 200 }, (_, n) => n),
        `1/${count} and so on`,
      );
      assert.ok(count === 1 || parts.every(({ order }) => order.length > 0 && order.length < 200));
      assert.ok(parts.every(({ all }) => all.length === 200));
    }
  });

  test('with --quick has the blobs up to 1 MiB', () => {
    const inventory = inventoryOf([quickLimit + 1, quickLimit, 5]);
    const { order, all, bytesToHash } = planHashing(inventory, { quick: true }, undefined);
    assert.deepEqual(sizesOf(inventory, order), [quickLimit, 5]);
    assert.deepEqual([all.length, bytesToHash], [3, quickLimit + 5]);
  });

  test('goes on behind the blob at which the last run stopped, wherever that was', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(sizes, fc.nat(), fc.array(fc.nat(), { maxLength: 3 }), (all, stop, twice) => {
        const inventory = inventoryOf(all, [...new Set(twice.map((n) => n % all.length))]);
        const { table } = inventory;
        const { order } = planHashing(inventory, everything, undefined);
        const at = stop % order.length;
        const last = order[at] ?? 0;
        const from = { size: table.size(last), digest: table.digest(last), colon: table.isColon(last) };
        const rest = planHashing(inventory, everything, from);
        const expected = at + 1 === order.length ? order : order.subarray(at + 1);
        assert.deepEqual([...rest.order], [...expected]);
      }),
    );
  });

  test('goes on where it should when that blob is gone by now', () => {
    const inventory = inventoryOf([9, 7, 5]);
    const from = { size: 8, digest: digestOf(77), colon: false };
    assert.deepEqual(sizesOf(inventory, planHashing(inventory, everything, from).order), [7, 5]);
    const behind = { size: 0, digest: digestOf(77), colon: false };
    assert.deepEqual(
      sizesOf(inventory, planHashing(inventory, everything, behind).order),
      [9, 7, 5],
      'nothing is left: a new pass',
    );
  });
});
