import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { bytesOf } from '../../fixtures/archive-bytes.ts';
import { volumesOf } from '../../fixtures/archive-volumes.ts';
import { GapSite } from '../../fixtures/gap-site.ts';
import { type MainRun, newIo, runMain, runMainWith } from '../../fixtures/run-main.ts';
import { noDisk, SmallDisk } from '../../fixtures/small-disk.ts';
import { treeState } from '../../fixtures/tree-state.ts';

describe('a place without room, or that cannot be written', { skip: noDisk() }, () => {
  let site: GapSite;
  beforeEach(async () => {
    site = await GapSite.make();
    writeFileSync(site.archive, await bytesOf(await site.plan()));
  });
  afterEach(() => site[Symbol.dispose]());

  const refused = ({ status, stdout, stderr }: MainRun, words: RegExp) => {
    assert.equal(status, 4, stderr + stdout);
    assert.match(stderr, words);
    assert.equal(stdout, '');
  };

  test('an export says before the first byte that there is no room, for a file and for volumes', async () => {
    using disk = new SmallDisk('1100k');
    const before = treeState(disk.path);
    for (const words of [[], ['--split', '64KiB']])
      refused(
        await site.export('-o', join(disk.path, 'models.tar'), ...words),
        /there is no room for \d+ bytes in \S+: \d+ are free/,
      );
    assert.deepEqual(treeState(disk.path), before);
    disk.resize('4m');
    await GapSite.must(site.export('-o', join(disk.path, 'models.tar')));
    // What is there already needs no room.
    disk.resize('1300k');
    await GapSite.must(site.export('-o', join(disk.path, 'models.tar')));
  });

  test('an import says it of blobs, of the tool, and of volumes that are to wait', async () => {
    using _disk = new SmallDisk('60m', site.there.data);
    refused(await site.import(site.archive), /is full|no room|needed|free/);
    assert.deepEqual(readdirSync(join(site.there.data, 'blobs', 'sha256')), []);
    assert.equal(existsSync(site.there.list), false);
    using small = new SmallDisk('10m', join(site.folder, 'other'));
    const [volume] = await volumesOf(await site.plan(), 64 * 1024);
    const path = join(site.medium, 'models.001.tar');
    writeFileSync(path, volume ?? '');
    const words = ['--data', join(small.path, 'data'), '--policy', 'observe'];
    refused(
      await site.mirror(['import', ...words, path]),
      /there is no room for 65\d{3} bytes in \S+incoming/,
    );
  });

  test('an installation says it, and a dry run too', async () => {
    using disk = new SmallDisk('60m', site.there.store);
    const before = treeState(disk.path);
    refused(
      await site.install('--dry-run', site.archive),
      /there is no room for 160\d{3} bytes in \S+models: 0 are free/,
    );
    refused(await site.install(site.archive), /there is no room for 160\d{3} bytes in \S+models: 0 are free/);
    assert.deepEqual(
      treeState(disk.path).filter((line) => !line.includes('verify-models')),
      before,
    );
    disk.resize('80m');
    await GapSite.must(site.install(site.archive));
  });

  test('a list that cannot be written is told, and nothing is put in place', async () => {
    using disk = new SmallDisk('64k');
    writeFileSync(join(disk.path, 'filler'), Buffer.alloc(60 * 1024));
    const { store, state } = site.there;
    const words = ['--store', store, '--state', state, '--jobs', '1', '--key', site.key];
    const run = await runMain([
      'install',
      ...words,
      '--allow-list',
      join(disk.path, 'list.json'),
      site.archive,
    ]);
    refused(run, /cannot write \S+: ENOSPC: no space left on device \(FILE_UNWRITABLE\)/);
    assert.deepEqual(readdirSync(join(store, 'manifests')), []);
  });

  test('a medium that is read-only is read all the same, and written by nobody', async () => {
    using medium = new SmallDisk('4m');
    const path = join(medium.path, 'models.tar');
    writeFileSync(path, await bytesOf(await site.plan()));
    medium.readOnly();
    const before = treeState(medium.path);
    refused(
      await site.export('-o', join(medium.path, 'again.tar')),
      /cannot write \S+again\.tar\.partial: .*read-only/,
    );
    await GapSite.must(site.import(path));
    await GapSite.must(site.install(path));
    assert.deepEqual(treeState(medium.path), before);
  });

  test('a list that cannot be written is told before anything is received; one that stays need not be', async () => {
    using list = new SmallDisk('4m', join(site.there.list, '..', 'lists'));
    const path = join(list.path, 'allow-list.json');
    const words = ['--allow-list', path, '--key', site.key];
    const { data, store, state } = site.there;
    const both = async () => [
      await site.mirror(['import', '--data', data, ...words, site.archive]),
      await runMainWith(newIo(), ['install', '--store', store, '--state', state, ...words, site.archive]),
    ];
    list.readOnly();
    for (const run of await both())
      refused(run, /cannot write \S+lists\/allow-list\.json: EROFS: read-only file system/);
    assert.deepEqual(readdirSync(join(data, 'blobs', 'sha256')), []);
    assert.deepEqual([readdirSync(store), existsSync(`${store}.verify-models`)], [[], false]);
    list.writable();
    // Brought by hand, without its tables, which nobody needs.
    for (const name of ['allow-list.json', 'allow-list.json.sigstore.jsonl'])
      writeFileSync(join(list.path, name), site.file(name));
    list.readOnly();
    for (const { status, stdout, stderr } of await both()) {
      assert.equal(status, 0, stderr);
      assert.match(stdout, /second:1b/);
    }
    assert.equal(existsSync(join(list.path, 'chunks')), false);
  });

  test('a mirror and a store that are read-only stay as they were', async () => {
    await GapSite.must(site.import(site.archive));
    using store = new SmallDisk('200m', site.there.store);
    mkdirSync(join(store.path, 'blobs'));
    mkdirSync(join(store.path, 'manifests'));
    store.readOnly();
    const before = treeState(store.path);
    // Nothing can be placed in the store; received blobs would wait beside it, on another file system.
    const run = await site.install(site.archive);
    assert.equal(run.status, 4, run.stderr + run.stdout);
    assert.match(run.stderr, /there is no place to work in|read-only/);
    assert.deepEqual(treeState(store.path), before);
    using whole = new SmallDisk('200m');
    const fresh = join(whole.path, 'models');
    mkdirSync(fresh);
    whole.readOnly();
    const words = ['--policy', 'observe', '--store', fresh, site.archive];
    refused(await site.install(...words), /cannot write \S+models: EROFS: read-only file system/);
    whole.writable();
    for (const part of ['blobs', 'manifests']) mkdirSync(join(fresh, part));
    whole.readOnly();
    refused(
      await site.install(...words),
      /there is no place to work in: \S+models\.verify-models: EROFS: read-only file system;/,
    );
    using data = new SmallDisk('200m', join(site.folder, 'data-there'));
    data.readOnly();
    const there = ['--data', data.path, '--policy', 'observe'];
    refused(
      await site.mirror(['import', ...there, site.archive]),
      /the data directory \S+ cannot be used|read-only|EROFS/,
    );
    assert.deepEqual(readdirSync(data.path), []);
  });
});
