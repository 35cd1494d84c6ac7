import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { sampleConfig, writeBlob } from '../fixtures/sample-store.ts';
import { inMemory } from '../fixtures/scratch-store.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';

const blobs = 20_000;
/** Bytes of a seal for each blob: its digest, table and fs-verity digest, four facts of the file, and a time. */
const record = 3 * 32 + 5 * 8;
/** The most memory that this process had so far, in MiB. */
const peak = () => process.resourceUsage().maxRSS / 1024;

suite(`a seal of ${blobs} blobs`, () => {
  // The clock and the mounts of a site are its own: it does not matter that files in memory show no writes.
  const site = new SealedSite(inMemory());
  before(() => {
    writeBlob(site.store, sampleConfig());
    for (let number = 1; number < blobs; number += 1) writeBlob(site.store, Buffer.from(`${number}`));
  });
  after(() => site.remove());
  const sealed = async () => {
    const run = await site.run('check', '--sealed', '--json', '--jobs', '1', ...site.where);
    assert.equal(run.status, 0);
    const { summary, findings } = JSON.parse(run.stdout) as {
      summary: { blobs: number; hashedBytes: number };
      findings: { rule: string; message: string }[];
    };
    return { summary, said: findings.find(({ rule }) => /^seal-/.test(rule))?.message ?? '' };
  };

  test('is a record of each, takes all of them the second time, and needs little memory', async () => {
    const small = new SealedSite();
    await small.run('check', '--sealed', ...small.where);
    await small.run('check', '--sealed', ...small.where);
    small.remove();
    const before = peak();
    const first = await sealed();
    assert.match(first.said, /there is no seal of this store yet/);
    const file = readdirSync(site.state).find((name) => /^seal-/.test(name)) ?? assert.fail();
    const rest = statSync(join(site.state, file)).size - blobs * record;
    assert.ok(rest > 0 && rest < 4096, `${rest} bytes beside the records`);
    const second = await sealed();
    assert.match(second.said, /^20000 of 20000 blobs \(\d+ bytes\) were taken from the seal/);
    assert.deepEqual([second.summary.blobs, second.summary.hashedBytes], [blobs, 0]);
    const grown = peak() - before;
    assert.ok(grown < 120, `${grown} MiB more than with an empty store`);
  });
});
