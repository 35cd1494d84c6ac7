import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { quarantine } from '../../src/launch/index.ts';
import type { Digest } from '../../src/oci/index.ts';
import type { SampleModel } from '../fixtures/sample-store.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

const isRoot = process.getuid?.() === 0;
const mallory = 61_001;

suite('root puts a bad model of another user into quarantine', { skip: !isRoot && 'needs root' }, () => {
  let scratch: ScratchStore;
  let model: SampleModel;
  /** The store, in a directory of its owner. */
  let store: string;
  beforeEach(() => {
    scratch = new ScratchStore();
    model = scratch.addModel();
    store = scratch.beside('his/ollama/models');
    mkdirSync(dirname(store), { recursive: true });
    execFileSync('cp', ['-R', scratch.path, store]);
    execFileSync('chown', ['-R', `${mallory}:${mallory}`, scratch.beside('his')]);
  });
  afterEach(() => scratch.remove());

  const run = () => {
    const blobs = [model.digest('system') as Digest];
    return quarantine(store, { models: [model.name], blobs }, { now: new Date(0), uid: 0 });
  };
  const inPlace = (path: string) => existsSync(path.replace(scratch.path, store));

  test('in the directory beside the store, which belongs to root and is closed to him', () => {
    const { path, models, blobs } = run();
    assert.deepEqual([path, models, blobs], [`${store}.quarantine/1970-01-01T000000000Z`, 1, 1]);
    assert.equal(inPlace(model.manifestPath), false);
    const { uid, mode } = lstatSync(`${store}.quarantine`);
    assert.deepEqual([uid, mode & 0o777], [0, 0o700]);
    const kept = model.blob('system').replace(scratch.path, path);
    assert.equal(readFileSync(kept, 'utf8'), 'You are a careful assistant. Answer briefly.\n');
  });

  test('and he swaps a directory above it for a link to a store of root: nothing is moved there', () => {
    const ours = scratch.beside('ours');
    mkdirSync(ours);
    renameSync(scratch.path, join(ours, 'models'));
    renameSync(scratch.beside('his/ollama'), scratch.beside('his/was'));
    symlinkSync(ours, scratch.beside('his/ollama'));
    execFileSync('chown', ['-h', `${mallory}:${mallory}`, scratch.beside('his/ollama')]);
    assert.throws(run, { code: 'START_REFUSED', message: /root follows no link of another user/ });
    assert.deepEqual(readdirSync(ours), ['models']);
    assert.ok(existsSync(model.manifestPath.replace(scratch.path, join(ours, 'models'))));
  });

  test('and he swaps the blob for a link: the link is moved, and not what it leads to', () => {
    const blob = model.blob('system').replace(scratch.path, store);
    rmSync(blob);
    symlinkSync('/etc/passwd', blob);
    const { path } = run();
    assert.ok(lstatSync(model.blob('system').replace(scratch.path, path)).isSymbolicLink());
    assert.ok(existsSync('/etc/passwd'));
  });

  test('and he prepared the place: a directory of his, or a link', () => {
    const place = `${store}.quarantine`;
    mkdirSync(place);
    chownSync(place, mallory, mallory);
    assert.throws(run, { code: 'START_REFUSED', message: /it belongs to user 61001, not to 0/ });
    rmSync(place, { recursive: true });
    mkdirSync(scratch.beside('elsewhere'));
    symlinkSync(scratch.beside('elsewhere'), place);
    assert.throws(run, { code: 'START_REFUSED', message: /it is no directory/ });
    assert.deepEqual(readdirSync(scratch.beside('elsewhere')), []);
    assert.ok(inPlace(model.manifestPath));
  });
});
