import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { LibraryStandIn } from '../../fixtures/library-stand-in.ts';
import { newIo, runMainWith } from '../../fixtures/run-main.ts';
import { sampleLayers } from '../../fixtures/sample-store.ts';
import { publishFrom } from '../../fixtures/served-mirror.ts';
import { SignedSite } from '../../fixtures/signed-site.ts';
import { treeState } from '../../fixtures/tree-state.ts';

const sample = 'registry.ollama.ai/library/sample:latest';
const other = 'registry.ollama.ai/library/other:1b';

describe('verify-models install from a mirror', () => {
  let site: SignedSite;
  let library: LibraryStandIn;
  let store: string;
  beforeEach(async () => {
    site = new SignedSite();
    library = await LibraryStandIn.start();
    site.scratch.addModel(sample);
    site.scratch.addModel(other, sampleLayers('You answer in verse.', 'other'));
    for (const name of [sample, other]) publishFrom(library, site.store, name);
    await site.approve();
    store = site.beside('there');
    mkdirSync(store);
  });
  afterEach(async () => {
    await library.close();
    site.remove();
  });

  const url = () => library.url.href.replace(/\/$/, '');
  const state = () => site.beside('state-there');
  const words = (...more: string[]) => [
    ...['install', url(), ...more, '--store', store, '--state', state(), '--jobs', '1'],
    ...['--allow-list', site.list, '--key', site.key('alice').pub],
  ];
  const install = (...more: string[]) => site.run(...words(...more));

  test('puts every listed model there, or those that are named, and the check that it names is green', async () => {
    const one = await install('other:1b');
    assert.equal(one.status, 0, one.stderr);
    assert.match(one.stdout, /^installed other:1b {3}\S+ kB fetched\n1 model installed, 0 sound, 0 failed$/m);
    const all = await install();
    assert.match(all.stdout, /^sound {5}other:1b$/m);
    assert.match(all.stdout, /^installed sample:latest/m);
    const [, next = ''] = /^next: verify-models (.*)$/m.exec(all.stdout) ?? [];
    assert.match(next, /^check --allow-list \S+ --key \S+ --state \S+ --store \S+$/);
    const check = await site.run(...next.split(' '), '--jobs', '1');
    assert.equal(check.status, 0, check.stdout);
    assert.match(check.stdout, /trust: allow-list models version 1, approved by /);
  });

  test('a dry run fetches no blob and writes nothing anywhere, and names the words that do it', async () => {
    const before = treeState(site.scratch.folder);
    const { status, stdout, stderr } = await install('--dry-run');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^would install sample:latest {3}\S+ kB to fetch$/m);
    assert.match(stdout, /^2 models would be installed, 0 sound, 0 failed$/m);
    assert.deepEqual(treeState(site.scratch.folder), before);
    const [, next = ''] = /^next: verify-models (.*)$/m.exec(stdout) ?? [];
    assert.equal((await site.run(...next.split(' '), '--jobs', '1')).status, 0);
    const installed = treeState(site.scratch.folder);
    assert.match((await install('--dry-run')).stdout, /^0 models would be installed, 2 sound/m);
    assert.deepEqual(treeState(site.scratch.folder), installed);
  });

  test('a model that is not listed is not fetched, and the others are', async () => {
    const { status, stdout } = await install('missing:1b', 'other:1b');
    assert.equal(status, 2);
    assert.match(stdout, /^failed {4}missing:1b {3}missing:1b is not on the allow-list/m);
    assert.match(stdout, /^1 model installed, 0 sound, 1 failed$/m);
  });

  test('what cannot be called so on Windows is refused before anything is written', async () => {
    const io = newIo();
    io.platform = 'win32';
    const { status, stderr } = await runMainWith(io, words('con:latest'));
    assert.equal(status, 64);
    assert.match(stderr, /con is the name of a device there \(NAME_UNSTORABLE\)/);
    assert.deepEqual(readdirSync(store), []);
  });

  test('papers of an archive, and no names where nothing says which are meant, are wrong usage', async () => {
    writeFileSync(site.beside('record'), '');
    for (const [flag, value] of [
      ['--media-id', 'USB-17'],
      ['--seal', 'A1'],
      ['--record', site.beside('record')],
      ['--signature', site.beside('record')],
    ] as const) {
      const { status, stderr } = await install(flag, value);
      assert.equal(status, 64);
      assert.match(stderr, new RegExp(`${flag} says something of an archive, and this is a mirror`));
    }
    const observed = await site.run('install', url(), '--policy', 'observe', '--store', store);
    assert.match(observed.stderr, /name the models: without an allow-list nothing says which are meant/);
    assert.deepEqual(readdirSync(store), []);
    assert.ok(!existsSync(state()));
  });
});
