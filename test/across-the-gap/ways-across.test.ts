import assert from 'node:assert/strict';
import { readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { bestClient as kind } from './clients.ts';
import { ConnectedSide } from './connected-side.ts';
import { GapSite } from './gap-site.ts';
import { noIsland } from './island.ts';

const mebibyte = 1024 * 1024;

suite(`what crosses in other ways: ${kind.title}`, { skip: noIsland }, () => {
  let connected: ConnectedSide;
  before(async () => {
    connected = await ConnectedSide.start();
  });
  after(() => connected[Symbol.asyncDispose]());

  test('in volumes, carried in two batches, one import after the other', async () => {
    await using site = await GapSite.start(kind, connected);
    await connected.export('split.tar', '--split', '600kB');
    const volumes = readdirSync(connected.medium).filter((name) => /^split\.\d+\.tar$/.test(name));
    assert.equal(volumes.length, 3);
    const [first = '', ...others] = volumes.map((name) => join(connected.medium, name));
    const half = await site.far.import(others);
    assert.equal(half.status, 8, half.stderr);
    assert.match(half.stdout, /^kept +volumes 2-3 of 3 .*\nmissing +1$/m);
    // Their medium is taken out.
    for (const path of others) renameSync(path, `${path}.away`);
    const rest = await site.far.import([first]);
    assert.equal(rest.status, 0, rest.stderr);
    assert.match(rest.stdout, /^imported +sample:latest /m);
    await site.client.pull(await site.far.serve());
    await site.assertGreen('sample:latest');
  });

  test('through a pipe, into a mirror and into a store', async () => {
    await using site = await GapSite.start(kind, connected);
    const piped = await connected.export('piped.tar');
    for (const { status, stderr } of [
      await site.far.import(['-'], { piped }),
      await site.far.install(['-'], site.client.store, { piped }),
    ])
      assert.equal(status, 0, stderr);
    assert.deepEqual(await site.client.models(), ['other:1b', 'sample:latest']);
    await site.assertGreen('other:1b', 'sample:latest');
    await site.client.pull(await site.far.serve());
    await site.assertGreen('other:1b', 'sample:latest');
  });

  test('a changed template alone: without the weights, and shown by the client afterwards', async () => {
    await using site = await GapSite.start(kind, connected);
    const { store } = site.client;
    const whole = await connected.export('whole.tar');
    const take = async (archive: string) => {
      const imported = await site.far.import([archive]);
      assert.equal(imported.status, 0, imported.stderr);
      const installed = await site.far.install([archive], store);
      assert.equal(installed.status, 0, installed.stderr);
      assert.match(installed.stdout, /^installed +sample:latest /m);
      return imported.stdout;
    };
    await take(whole);
    await connected.change('{{ .Prompt }} Be brief.\n');
    const delta = await connected.export('delta.tar', '--since', whole);
    assert.ok(statSync(whole).size > 1.5 * mebibyte && statSync(delta).size < mebibyte);
    const said = await take(delta);
    assert.match(said, /^list +models version 2 taken, /m);
    assert.match(said, /; 1 blob taken, /);
    assert.equal((await site.client.template()).trim(), '{{ .Prompt }} Be brief.');
    await site.assertGreen('other:1b', 'sample:latest');
    await site.client.pull(await site.far.serve());
    await site.assertGreen('other:1b', 'sample:latest');
  });
});
