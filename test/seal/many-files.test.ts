import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { sampleConfig, writeBlob } from '../fixtures/sample-store.ts';
import { inMemory } from '../fixtures/scratch-store.ts';
import { oneUserOwnsBoth, SealedSite } from '../fixtures/sealed-site.ts';

const blobs = 20_000;
/** Bytes of a seal for each blob: its digest, table and fs-verity digest, four facts of the file, and a time. */
const record = 3 * 32 + 5 * 8;
/**
 * MiB of heap that the checks get. A limit that V8 holds says the same on every machine; a difference of resident sizes
 * does not, since it depends on when memory is collected. A third of it is too little, half of it is enough.
 */
const heap = 64;

interface Check {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

suite(`a seal of ${blobs} blobs`, () => {
  // The clock and the mounts of a site are its own: it does not matter that files in memory show no writes.
  const site = new SealedSite(inMemory());
  before(() => {
    writeBlob(site.store, sampleConfig());
    for (let number = 1; number < blobs; number += 1) writeBlob(site.store, Buffer.from(`${number}`));
  });
  after(() => site.remove());

  /** The same sealed check, so many times, in a thread with that heap. */
  const checks = (times: number): Promise<Check[]> =>
    new Promise((resolve, reject) => {
      const words = ['check', '--sealed', '--json', '--jobs', '1', ...site.where];
      const workerData = { runs: Array.from({ length: times }, () => words), time: site.day * 86_400_000 };
      const resourceLimits = { maxOldGenerationSizeMb: heap, maxYoungGenerationSizeMb: 16 };
      const thread = new Worker(new URL('./checks-within-heap.ts', import.meta.url), {
        workerData,
        resourceLimits,
      });
      const done: Check[] = [];
      thread.on('message', (check: Check) => done.push(check));
      thread.once('error', reject);
      thread.once('exit', () => resolve(done));
    });
  const read = ({ status, stdout, stderr }: Check) => {
    assert.equal(status, 0, stderr);
    const { summary, findings } = JSON.parse(stdout) as {
      summary: { blobs: number; hashedBytes: number };
      findings: { rule: string; message: string }[];
    };
    return { summary, said: findings.find(({ rule }) => /^seal-/.test(rule))?.message ?? '' };
  };

  test(`is a record of each, takes all of them the second time, and fits into ${heap} MiB of heap`, {
    skip: oneUserOwnsBoth,
  }, async () => {
    const [first, second] = (await checks(2)).map(read);
    assert.match(first?.said ?? '', /there is no seal of this store yet/);
    const file = readdirSync(site.state).find((name) => /^seal-/.test(name)) ?? assert.fail();
    const rest = statSync(join(site.state, file)).size - blobs * record;
    assert.ok(rest > 0 && rest < 4096, `${rest} bytes beside the records`);
    assert.match(second?.said ?? '', /^20000 of 20000 blobs \(\d+ bytes\) were taken from the seal/);
    assert.deepEqual([second?.summary.blobs, second?.summary.hashedBytes], [blobs, 0]);
  });
});
