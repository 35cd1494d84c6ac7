import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { locateStore, usualPlaces } from '../../src/store/index.ts';
import { asRoot } from '../fixtures/odd-files.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

let scratch: ScratchStore;
let home: string;
beforeEach(() => {
  scratch = new ScratchStore();
  home = scratch.beside('home');
  mkdirSync(home);
});
afterEach(() => scratch.remove());

describe('the store', () => {
  test('is the one that was named, whatever the environment says', () => {
    mkdirSync(join(home, '.ollama/models/manifests'), { recursive: true });
    const found = locateStore(scratch.path, { HOME: home, OLLAMA_MODELS: home });
    assert.deepEqual(found, { path: scratch.path, named: scratch.path, others: [] });
  });

  test('else OLLAMA_MODELS, trimmed as Ollama trims it; stores in the usual places are mentioned', () => {
    const usual = join(home, '.ollama', 'models');
    for (const value of [scratch.path, `  ${scratch.path} `, `"${scratch.path}"`, `'${scratch.path}'`]) {
      assert.equal(locateStore(undefined, { HOME: home, OLLAMA_MODELS: value }).path, scratch.path);
    }
    assert.ok(!locateStore(undefined, { HOME: home, OLLAMA_MODELS: scratch.path }).others.includes(usual));
    mkdirSync(join(usual, 'manifests'), { recursive: true });
    assert.ok(locateStore(undefined, { HOME: home, OLLAMA_MODELS: scratch.path }).others.includes(usual));
  });

  test('else the first of the usual places that is there', () => {
    mkdirSync(join(home, '.ollama', 'models'), { recursive: true });
    for (const OLLAMA_MODELS of [undefined, '', '  ', '""']) {
      assert.equal(
        locateStore(undefined, { HOME: home, OLLAMA_MODELS }).path,
        join(home, '.ollama', 'models'),
      );
    }
  });

  test('is where the path leads: links in it are followed', () => {
    symlinkSync(scratch.path, join(home, 'link'));
    assert.equal(locateStore(join(home, 'link'), {}).path, scratch.path);
    assert.equal(locateStore(`${scratch.path}/blobs/..`, {}).path, scratch.path);
  });

  test('that is not there is not found, and where was looked is said', () => {
    assert.throws(() => locateStore('/nonexistent/store', {}), {
      code: 'STORE_NOT_FOUND',
      exitStatus: 4,
      message: 'no Ollama store found; looked in /nonexistent/store',
    });
    assert.throws(() => locateStore(undefined, { OLLAMA_MODELS: '/nonexistent/models' }), {
      code: 'STORE_NOT_FOUND',
      message: /looked in \/nonexistent\/models$/,
    });
    writeFileSync(join(home, 'file'), '');
    assert.throws(() => locateStore(join(home, 'file', 'store'), {}), { code: 'STORE_NOT_FOUND' });
  });

  test('that is a file, or a link to nowhere, cannot be read', () => {
    writeFileSync(join(home, 'file'), '');
    symlinkSync('/nonexistent', join(home, 'dangling'));
    symlinkSync('loop', join(home, 'loop'));
    assert.throws(() => locateStore(join(home, 'file'), {}), {
      code: 'STORE_UNREADABLE',
      facts: { path: join(home, 'file'), problem: 'it is not a directory' },
    });
    for (const name of ['dangling', 'loop'])
      assert.throws(() => locateStore(join(home, name), {}), { code: 'STORE_UNREADABLE', exitStatus: 4 });
  });

  test('to which the way is closed cannot be read; it is not passed over', { skip: asRoot() }, () => {
    mkdirSync(join(home, '.ollama', 'models'), { recursive: true });
    chmodSync(join(home, '.ollama'), 0);
    try {
      assert.throws(() => locateStore(undefined, { HOME: home }), { code: 'STORE_UNREADABLE' });
    } finally {
      chmodSync(join(home, '.ollama'), 0o755);
    }
  });
});

describe('the usual places', () => {
  test("are that of the user, and on Linux the service's", () => {
    const own = join('/home/a', '.ollama', 'models');
    assert.deepEqual(usualPlaces({ HOME: '/home/a' }, 'linux'), [own, '/usr/share/ollama/.ollama/models']);
    assert.deepEqual(usualPlaces({ HOME: '/home/a' }, 'darwin'), [own]);
    for (const HOME of [undefined, '', 'home'])
      assert.deepEqual(usualPlaces({ HOME }, 'darwin'), [join(userInfo().homedir, '.ollama', 'models')]);
  });
});
