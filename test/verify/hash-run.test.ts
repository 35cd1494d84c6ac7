import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { HashPool, type SecondReading, type WholeDigest } from '../../src/hash/index.ts';
import { parseDigest } from '../../src/oci/index.ts';
import { BlobTable, OllamaStore } from '../../src/store/index.ts';
import { Anatomy } from '../../src/verify/blame.ts';
import { factOfBadBlob } from '../../src/verify/blob-facts.ts';
import { withoutTables } from '../../src/verify/blob-tables.ts';
import { type HashRunOptions, hashBlobs, proof } from '../../src/verify/hash-run.ts';
import type { Inventory } from '../../src/verify/inventory.ts';
import { References } from '../../src/verify/model-records.ts';
import { planHashing } from '../../src/verify/plan.ts';
import { openDescriptors } from '../fixtures/process-counts.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import { inMemory, ScratchStore } from '../fixtures/scratch-store.ts';

const wrong = parseDigest(sha256(Buffer.from('first reading')));
const other = parseDigest(sha256(Buffer.from('second reading')));

/** Hardware that reads badly: what each of the two readings gives, and what happens between them. */
class BadHardware extends HashPool {
  readonly #second: SecondReading;
  readonly #between: () => void;

  constructor(second: Partial<SecondReading>, between: () => void = () => {}) {
    super({ threads: 1 });
    this.#second = {
      digest: wrong,
      size: 9,
      cacheBypassed: true,
      zeroExtents: [],
      zeroExtentCount: 0,
      zeroBytes: 0,
      ...second,
    };
    this.#between = between;
  }

  override digest(): Promise<WholeDigest> {
    return Promise.resolve({ digest: wrong, size: 9, table: undefined });
  }

  override again(): Promise<SecondReading> {
    this.#between();
    return Promise.resolve(this.#second);
  }
}

const options: HashRunOptions = {
  jobs: 2,
  firstFailure: false,
  signal: new AbortController().signal,
  deadline: undefined,
};

let scratch: ScratchStore;
let store: OllamaStore;
beforeEach(() => {
  scratch = new ScratchStore(inMemory());
  store = OllamaStore.open(scratch.path, [], () => {});
});
afterEach(() => {
  store[Symbol.dispose]();
  scratch.remove();
});

/** A store of blobs that no manifest names, nine bytes each. */
function inventoryOf(count: number): Inventory {
  const table = new BlobTable();
  for (let n = 0; n < count; n += 1) {
    const digest = parseDigest(sha256(Buffer.from(`${n}`)));
    writeFileSync(scratch.blob(digest), 'nine byte');
    table.add({ digest, size: 9, link: false, colon: false });
  }
  return { table, references: new References(), orphans: count, partials: 0, complete: true };
}

async function run(pool: HashPool, count = 1) {
  const inventory = inventoryOf(count);
  const plan = planHashing(inventory, { quick: false }, undefined);
  const hashed = await hashBlobs(store, inventory, plan, pool, withoutTables, options);
  await pool.close();
  const facts = hashed.bad.map((bad) =>
    factOfBadBlob(scratch.path, inventory.table, new Anatomy(inventory.references), bad),
  );
  return { hashed, facts, table: inventory.table };
}

describe('two readings of one blob', () => {
  test('that give two wrong digests mean that memory or disk is failing', async () => {
    const { hashed, facts, table } = await run(new BadHardware({ digest: other }));
    assert.deepEqual(
      facts.map(({ rule, digest, expected, actual, hint }) => [rule, digest, expected, actual, hint]),
      [
        [
          'blob-unstable',
          table.digest(0),
          table.digest(0),
          `${wrong}, then ${other}`,
          'test the memory (memtest86+) and the disk (smartctl -a), then check again',
        ],
      ],
    );
    assert.match(
      facts[0]?.message ?? '',
      / gave two different digests in two readings: memory or disk is failing$/,
    );
    assert.deepEqual([hashed.proofs[0], hashed.hashedBytes], [proof.whole, 9]);
  });

  test('of which the second is right mean that too: the first one was wrong', async () => {
    const right = parseDigest(sha256(Buffer.from('0')));
    const { facts } = await run(new BadHardware({ digest: right }));
    assert.deepEqual(
      facts.map(({ rule }) => rule),
      ['blob-unstable'],
    );
  });

  test('that agree mean that the file is altered', async () => {
    const { facts } = await run(new BadHardware({}));
    assert.deepEqual(
      facts.map(({ rule, actual }) => [rule, actual]),
      [['orphan-altered', wrong]],
    );
  });

  test('of a file that changed between them mean nothing about the hardware', async () => {
    const change = () => writeFileSync(scratch.blob(sha256(Buffer.from('0'))), 'nine more');
    const { facts, hashed } = await run(new BadHardware({ digest: other }, change));
    assert.deepEqual(
      facts.map(({ rule }) => rule),
      ['blob-changed'],
    );
    assert.match(facts[0]?.actual ?? '', /^its [mc]timeNs moved between two readings$/);
    assert.equal(hashed.proofs[0], proof.none);
  });

  test('of which the second came from the page cache are counted', async () => {
    const { hashed } = await run(new BadHardware({ cacheBypassed: false }), 3);
    assert.equal(hashed.cacheNotBypassed, 3);
    assert.equal((await run(new BadHardware({}), 3)).hashed.cacheNotBypassed, 0);
  });
});

describe('more bad blobs than are listed', () => {
  test('are judged and counted, a thousand of a rule are kept, and no descriptor stays open', async () => {
    const before = openDescriptors();
    const { hashed } = await run(new BadHardware({}), 1005);
    assert.deepEqual([hashed.bad.length, [...hashed.moreBad]], [1000, [['orphan-altered', 5]]]);
    assert.ok(hashed.proofs.every((how) => how === proof.whole));
    assert.deepEqual([hashed.complete, hashed.doneUpTo, hashed.hashedBytes], [true, 1005, 1005 * 9]);
    assert.equal(openDescriptors(), before);
  });
});
