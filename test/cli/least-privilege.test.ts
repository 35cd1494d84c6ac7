import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { flipBit } from '../fixtures/damage.ts';
import { MappedWriter, noMapping, onDisk } from '../fixtures/mapped-writer.ts';
import { bareEnvironment } from '../fixtures/run-main.ts';
import { program, runProgramFile } from '../fixtures/run-program.ts';
import { type SampleModel, sampleLayers } from '../fixtures/sample-store.ts';
import { oneUserOwnsBoth, SealedSite } from '../fixtures/sealed-site.ts';

describe('under the permission model of Node.js', () => {
  let site: SealedSite;
  let model: SampleModel;
  beforeEach(() => {
    site = new SealedSite();
    model = site.scratch.addModel();
    mkdirSync(site.state, { mode: 0o700 });
  });
  afterEach(() => site.remove());

  const run = (words: readonly string[], ...allowed: readonly string[]) =>
    runProgramFile([...words], {
      nodeArguments: ['--permission', '--allow-fs-read=*', `--allow-fs-write=${site.state}`, ...allowed],
      environment: { PATH: process.env.PATH ?? '' },
    });
  const check = (...words: readonly string[]) => ['check', ...site.where, ...words];

  test('a check needs to write nothing but its state', async () => {
    const green = await run(check('--sealed'));
    assert.equal(green.status, 0, green.stdout + green.stderr);
    assert.deepEqual(readdirSync(site.state).filter((name) => name.startsWith('seal')).length, 2);
    flipBit(model.blob('system'), 0, 0);
    const red = await run(check('--sealed'));
    assert.equal(red.status, 1);
    assert.match(red.stdout, /blob-altered: the system layer of sample:latest/);
  });

  test('a check against a signed list remembers it there, and refuses an older one', async () => {
    site.keepRealTime();
    await site.approve();
    const kept = site.keepList();
    const trusting = check('--allow-list', site.list, '--key', site.key('alice').pub);
    assert.equal((await run(trusting)).status, 0);
    site.scratch.addModel('registry.ollama.ai/library/new:1b', sampleLayers('Be brief.'));
    await site.approve();
    assert.equal((await run(trusting)).status, 0);
    kept();
    const red = await run(trusting);
    assert.equal(red.status, 2);
    assert.match(red.stdout, /list-rolled-back/);
  });

  test('a report elsewhere is an error, not silence', async () => {
    const elsewhere = site.beside('report.json');
    const { status, stderr } = await run(check('--report', `json=${elsewhere}`));
    assert.equal(status, 4);
    assert.match(stderr, /cannot write the report .*Access to this API has been restricted/);
  });

  test('hashes without threads unless they are asked for and allowed', async () => {
    const refused = await run(check('--jobs', '2'));
    assert.equal(refused.status, 4);
    assert.match(refused.stdout, /Use --allow-worker to manage permissions/);
    assert.equal((await run(check('--jobs', '2'), '--allow-worker')).status, 0);
  });

  test('--fs-verity, which needs another program, says that it may not start one', async () => {
    const { status, stdout, stderr } = await run(check('--fs-verity'));
    assert.equal(status, 0, stderr);
    assert.match(
      stdout,
      /verity-not-used: .*the program fsverity cannot be started: .*--allow-child-process/,
    );
  });

  test('seals count, and exec starts, where a file must be flushed before it is looked at', {
    skip: oneUserOwnsBoth,
  }, () => {
    const file = fileURLToPath(new URL('./seal-where-writes-hide.ts', import.meta.url));
    const ms = site.day * 86_400_000;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [
        ...['--permission', '--allow-fs-read=*', `--allow-fs-write=${site.state}`, '--allow-child-process'],
        ...[file, site.store, site.state, `${ms}`],
      ],
      { encoding: 'utf8', env: { ...bareEnvironment, PATH: process.env.PATH } },
    );
    const expected = [
      [0, 'seal-not-used', null],
      [0, 'seal-used', null],
      [0, '0 B hashed now', ['sh']],
    ];
    assert.deepEqual(JSON.parse(stdout || '[]'), expected, stderr);
  });

  test('exec becomes the command with --allow-child-process, and says so without', async () => {
    const words = ['exec', ...site.where, '--', 'echo', 'started'];
    const { status, stderr } = await run(words);
    assert.equal(status, 64);
    assert.match(stderr, /needs --allow-child-process/);
    const started = await run(words, '--allow-child-process');
    assert.deepEqual([started.status, started.stdout], [0, 'started\n']);
  });
});

describe('a page that another process dirtied through a mapping', { skip: noMapping() }, () => {
  test('is flushed by a handle, and what is in it is what is judged', async () => {
    const site = new SealedSite();
    try {
      const model = site.scratch.addModel();
      mkdirSync(site.state, { mode: 0o700 });
      const writer = await MappedWriter.start(model.blob('system'));
      await writer.flip(3);
      const { status, stdout } = await runProgramFile(['check', ...site.where], {
        nodeArguments: ['--permission', '--allow-fs-read=*', `--allow-fs-write=${site.state}`],
      });
      await writer.end();
      assert.equal(status, 1, `${onDisk()} ${stdout}`);
    } finally {
      site.remove();
    }
  });
});

const namespaces = spawnSync('unshare', ['--user', '--map-root-user', '--net', 'true']).status === 0;

describe('without a network', { skip: !namespaces && 'needs unshare and namespaces of a user' }, () => {
  test('a check, also against a signed list, is as good', async () => {
    const site = new SealedSite();
    try {
      site.scratch.addModel();
      site.keepRealTime();
      await site.approve();
      const trusting = ['--allow-list', site.list, '--key', site.key('alice').pub];
      const words = [program, 'check', ...site.where, ...trusting];
      const apart = ['--user', '--map-root-user', '--net', process.execPath, ...words];
      const { status, stdout, stderr } = spawnSync('unshare', apart, {
        encoding: 'utf8',
        env: { ...bareEnvironment, PATH: process.env.PATH },
      });
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout, /trust: allow-list models version 1, approved by/);
    } finally {
      site.remove();
    }
  });
});
