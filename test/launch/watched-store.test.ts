import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WatchedStore } from '../../src/launch/index.ts';
import { flipBit } from '../fixtures/damage.ts';
import { type SampleModel, writeBlob } from '../fixtures/sample-store.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';
import { provenNow } from './proven-now.ts';

const root = process.getuid?.() === 0;

suite('a store between its check and the start', () => {
  let scratch: ScratchStore;
  let model: SampleModel;
  beforeEach(() => {
    scratch = new ScratchStore();
    model = scratch.addModel();
  });
  afterEach(() => scratch.remove());

  const change = async (action: () => void): Promise<string | undefined> => {
    const watched = new WatchedStore(scratch.path, []);
    const proven = await provenNow(scratch.path);
    action();
    return watched.whatMoved(proven);
  };

  test('that was left alone has not moved', async () => {
    assert.equal(await change(() => {}), undefined);
  });

  const changes: readonly (readonly [string, () => void, RegExp])[] = [
    ['a blob written in place with its old time', () => flipBit(model.blob('system'), 0, 0), /timeNs moved/],
    ['a blob replaced', () => replace(model.blob('system')), /ino moved/],
    ['a blob removed', () => rmSync(model.blob('system')), /gone/],
    ['a manifest replaced', () => replace(model.manifestPath), /a directory or a manifest/],
    ['a manifest written in place', () => flipBit(model.manifestPath, 0, 0), /a directory or a manifest/],
    [
      'a model more',
      () => void scratch.addModel('registry.ollama.ai/library/more:latest'),
      /a directory or a manifest/,
    ],
    [
      'a model less',
      () => rmSync(dirname(model.manifestPath), { recursive: true }),
      /a directory or a manifest/,
    ],
    [
      'the whole store renamed, and a copy put in its place',
      () => {
        renameSync(scratch.path, scratch.beside('moved'));
        cpSync(scratch.beside('moved'), scratch.path, { recursive: true, preserveTimestamps: true });
      },
      /a directory or a manifest/,
    ],
    [
      'blobs/ renamed, and a copy put in its place',
      () => {
        renameSync(scratch.at('blobs'), scratch.beside('moved'));
        mkdirSync(scratch.at('blobs'));
      },
      /a directory or a manifest/,
    ],
    [
      'a bad blob that Ollama will rename over the good one',
      () => writeFileSync(oldName(model.blob('system')), 'bad'),
      /blobs\/sha256:[0-9a-f]{64}: it came meanwhile/,
    ],
    ['the store removed', () => rmSync(scratch.path, { recursive: true }), /cannot read the store/],
  ];
  for (const [name, action, why] of changes) {
    test(`${name} is seen`, async () => {
      assert.match((await change(action)) ?? 'nothing', why);
    });
  }

  test('a blob with the old name is looked at as the others are', async () => {
    copyFileSync(model.blob('system'), oldName(model.blob('system')));
    assert.equal(await change(() => {}), undefined);
    const moved = await change(() => flipBit(oldName(model.blob('system')), 0, 0));
    assert.match(moved ?? 'nothing', /blobs\/sha256:[0-9a-f]{64}: its .timeNs moved/);
  });

  test('what lies behind links among its manifests is looked at too', async () => {
    const [inside, outside] = [dirname(dirname(model.manifestPath)), scratch.beside('big')];
    renameSync(inside, outside);
    symlinkSync(outside, inside);
    const changed = async (action: () => void, into = [outside]) => {
      const watched = new WatchedStore(scratch.path, into);
      const proven = await provenNow(scratch.path);
      action();
      return (await watched.whatMoved(proven)) ?? 'nothing';
    };
    assert.equal(await changed(() => {}), 'nothing');
    const flip = () => flipBit(model.manifestPath, 0, 0);
    assert.match(await changed(flip), /a directory or a manifest/);
    const more = () => void scratch.addModel('registry.ollama.ai/library/more:latest');
    assert.match(await changed(more), /a directory or a manifest/);
    // Nobody starts on what was not followed: the check has failed then.
    assert.equal(await changed(flip, []), 'nothing');
  });

  test('links among its manifests that lead back above themselves end somewhere', async () => {
    for (let number = 0; number < 9; number += 1)
      symlinkSync(scratch.at('manifests'), scratch.at('manifests', `again-${number}`));
    assert.equal(await change(() => {}), undefined);
  });

  test('has moved in any case when a part of it could not be read before', async () => {
    const folder = dirname(dirname(model.manifestPath));
    chmodSync(scratch.folder, 0o755);
    chmodSync(folder, 0);
    // Root may read everything.
    if (root) process.seteuid?.(61_001);
    let watched: WatchedStore;
    try {
      watched = new WatchedStore(scratch.path, []);
    } finally {
      if (root) process.seteuid?.(0);
      chmodSync(folder, 0o755);
    }
    const moved = await watched.whatMoved(await provenNow(scratch.path));
    assert.match(moved ?? 'nothing', /a directory or a manifest/);
  });

  test('is looked at with a rest now and then, in which a signal is heard', async () => {
    for (let number = 0; number < 600; number += 1) writeBlob(scratch.path, Buffer.from(`blob ${number}`));
    const watched = new WatchedStore(scratch.path, []);
    const proven = await provenNow(scratch.path);
    let looked = 0;
    let heard: number | undefined;
    process.once('SIGTERM', () => {
      heard = looked;
    });
    const stateNow: typeof proven.stateNow = (store, index) => {
      if (looked === 0) process.kill(process.pid, 'SIGTERM');
      looked += 1;
      return proven.stateNow(store, index);
    };
    assert.equal(await watched.whatMoved({ ...proven, stateNow }), undefined);
    assert.equal(looked, 606);
    assert.ok(heard !== undefined && heard < looked, `heard after ${heard} blobs`);
  });

  const unshare = root && spawnSync('unshare', ['--mount', 'true']).status === 0;
  test('another volume mounted over it is seen', { skip: !unshare && 'needs root and unshare' }, () => {
    const program = fileURLToPath(new URL('./mount-over.ts', import.meta.url));
    cpSync(scratch.path, scratch.beside('copy'), { recursive: true, preserveTimestamps: true });
    for (const part of ['.', 'manifests', 'blobs']) {
      const words = [program, scratch.path, part, scratch.beside('copy')];
      const apart = ['--mount', '--propagation', 'private', process.execPath, ...words];
      const { stdout, stderr } = spawnSync('unshare', apart, { encoding: 'utf8' });
      assert.match(stdout, /a directory or a manifest of it was replaced/, stderr);
    }
  });
});

/** Ollama renames this to the name of today, over whatever has it. */
const oldName = (blob: string): string => blob.replace(/sha256-(?=[^/]*$)/, 'sha256:');

function replace(file: string): void {
  writeFileSync(`${file}.new`, readFileSync(file));
  renameSync(`${file}.new`, file);
}
