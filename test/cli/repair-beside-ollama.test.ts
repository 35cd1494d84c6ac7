import assert from 'node:assert/strict';
import { rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { flipBit } from '../fixtures/damage.ts';
import { RepairSite } from '../fixtures/repair-site.ts';
import { newIo, runMainWith } from '../fixtures/run-main.ts';

describe('verify-models repair while Ollama works on the store', () => {
  let at: RepairSite;
  let site: RepairSite['site'];
  let library: RepairSite['library'];
  let model: RepairSite['model'];
  beforeEach(async () => {
    at = await RepairSite.start();
    ({ site, library, model } = at);
  });
  afterEach(() => at[Symbol.asyncDispose]());

  test("what Ollama's clean-up takes meanwhile is fetched once more", async () => {
    await site.approve();
    const [system, template] = [model.blob('system'), model.blob('template')];
    for (const path of [system, template, model.manifestPath]) rmSync(path);
    let taken = 0;
    library.mischief = ({ at, url }) => {
      // When the last blob comes, the one before it is removed: no manifest names it yet.
      if (at !== 'store' || taken > 0 || !url.includes(model.digest('system'))) return false;
      taken += 1;
      rmSync(template);
      return false;
    };
    const { status, stdout } = await at.byList('sample');
    assert.equal(status, 0, stdout);
    assert.equal(taken, 1);
    assert.equal(stdout.match(/template was missing/g)?.length, 2);
    assert.deepEqual(await at.soundness(), []);
  });

  test('what a clean-up takes that began before the manifest was there is fetched', async () => {
    await site.approve();
    const template = model.blob('template');
    const io = newIo();
    const old = new Date(io.now().getTime() - 2 * 60 * 60_000);
    utimesSync(template, old, old);
    rmSync(model.manifestPath);
    const waiting = Object.assign(io, {
      wait: async (ms: number) => {
        io.waited.push(ms);
        if (io.waited.length === 2) rmSync(template);
      },
    });
    const words = ['repair', 'sample', '--store', site.store, '--from', at.from, ...at.list];
    const { status, stdout } = await runMainWith(waiting, words);
    assert.equal(status, 0, stdout);
    assert.deepEqual(io.waited, [1000, 1000]);
    assert.match(stdout, /template was missing/);
    assert.deepEqual(await at.soundness(), []);
  });

  test('what waits for its manifest is kept looking new, so that Ollama spares it', async () => {
    await site.approve();
    const [system, template] = [model.blob('system'), model.blob('template')];
    for (const path of [system, template, model.manifestPath]) rmSync(path);
    const io = newIo();
    const old = new Date(io.now().getTime() - 3_600_000);
    let touched: Date | undefined;
    library.mischief = ({ at, url }) => {
      if (at !== 'store' || touched !== undefined || !url.includes(model.digest('system'))) return false;
      utimesSync(template, old, old);
      io.pass(10 * 60_000);
      touched = statSync(template).mtime;
      return false;
    };
    const words = [
      '--allow-list',
      site.list,
      '--key',
      site.key('alice').pub,
      '--state',
      site.state,
      'sample',
    ];
    const run = await runMainWith(io, ['repair', '--store', site.store, '--from', at.from, ...words]);
    assert.equal(run.status, 0, run.stdout + run.stderr);
    assert.equal(touched?.getTime(), io.now().getTime());
  });

  test('a download of Ollama that is going on is waited for, a minute, then bit 4', async () => {
    flipBit(model.blob('system'), 3, 0);
    const partial = `${model.blob('system')}-partial-0`;
    writeFileSync(partial, '');
    const io = newIo();
    utimesSync(partial, io.now(), io.now());
    const run = await runMainWith(io, ['repair', '--store', site.store, '--from', at.from]);
    assert.equal(run.status, 4);
    assert.match(run.stdout, /the system cannot be repaired now: Ollama is downloading it now/);
    assert.deepEqual(io.waited, Array(12).fill(5000));
    const old = new Date(io.now().getTime() - 61_000);
    utimesSync(partial, old, old);
    assert.equal((await at.repair()).status, 0);
  });
});
