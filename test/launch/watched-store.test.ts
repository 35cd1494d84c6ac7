import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WatchedStore } from '../../src/launch/index.ts';
import { flipBit } from '../fixtures/damage.ts';
import { type SampleModel, writeBlob } from '../fixtures/sample-store.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';
import { provenNow } from './proven-now.ts';

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
    ['the store removed', () => rmSync(scratch.path, { recursive: true }), /cannot read the store/],
  ];
  for (const [name, action, why] of changes) {
    test(`${name} is seen`, async () => {
      assert.match((await change(action)) ?? 'nothing', why);
    });
  }

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

  const root = process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0;
  test('another volume mounted over it is seen', { skip: !root && 'needs root and unshare' }, () => {
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

function replace(file: string): void {
  writeFileSync(`${file}.new`, readFileSync(file));
  renameSync(`${file}.new`, file);
}
