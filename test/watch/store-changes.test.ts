import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { StoreChanges } from '../../src/watch/index.ts';
import type { SampleModel } from '../fixtures/sample-store.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';
import { until } from '../fixtures/until.ts';

suite('changes of a store', () => {
  let scratch: ScratchStore;
  let model: SampleModel;
  let changes: StoreChanges;
  let seen = 0;
  beforeEach(() => {
    scratch = new ScratchStore();
    model = scratch.addModel();
    seen = 0;
    changes = new StoreChanges(scratch.path, {
      onChange: () => {
        seen += 1;
      },
      onProblem: (problem) => assert.fail(problem),
    });
  });
  afterEach(() => {
    changes.close();
    scratch.remove();
  });

  const happens = async (action: () => void) => {
    const before = seen;
    action();
    await until(() => seen > before);
  };

  test('are seen with one watch for each directory', () => {
    // The store, blobs/, manifests/, host, namespace, model.
    assert.equal(changes.watched, 6);
  });

  test('are a model that is new, one that changed, and one that is gone', async () => {
    const name = 'registry.example/team/new:1b';
    await happens(() => scratch.addModel(name));
    await until(() => changes.watched === 9);
    await happens(() => writeFileSync(scratch.at('manifests/registry.example/team/new/1b'), '{}'));
    await happens(() => rmSync(scratch.at('manifests/registry.example'), { recursive: true }));
    await until(() => changes.watched === 6);
  });

  test('are bytes of a blob, in place', async () => {
    await happens(() => appendFileSync(model.blob('system'), 'more'));
  });

  test('are a download that begins and one that ends, and not each write to it', async () => {
    const path = scratch.at('blobs', `sha256-${'0'.repeat(64)}-partial`);
    await happens(() => writeFileSync(path, ''));
    const before = seen;
    for (let part = 0; part < 100; part += 1) appendFileSync(path, 'more');
    // Events come in the order in which things happened: this one is the last.
    mkdirSync(scratch.at('manifests', 'host'));
    await until(() => changes.watched === 7);
    assert.equal(seen - before, 1);
    await happens(() => renameSync(path, path.replace('-partial', '')));
  });

  test('in a store that was away are seen again after a look', async () => {
    const away = scratch.beside('away');
    renameSync(scratch.path, away);
    await until(() => changes.watched === 0);
    renameSync(away, scratch.path);
    changes.look();
    assert.equal(changes.watched, 6);
    await happens(() => appendFileSync(model.blob('system'), 'more'));
  });

  test('beyond the limit are told of, once', () => {
    const problems: string[] = [];
    const few = new StoreChanges(scratch.path, {
      onChange: () => {},
      onProblem: (problem) => problems.push(problem),
      limit: 4,
    });
    few.look();
    few.close();
    assert.deepEqual(problems, ['it has more than 4 directories']);
  });

  test('are seen again in a directory that was removed and made anew', async () => {
    await happens(() => rmSync(scratch.at('manifests'), { recursive: true }));
    await until(() => changes.watched === 2);
    await happens(() => mkdirSync(scratch.at('manifests')));
    await until(() => changes.watched === 3);
    await happens(() => mkdirSync(scratch.at('manifests', 'host')));
  });

  test('are seen again in a directory that was made anew before anybody looked, with the inode of the old one', async () => {
    const folder = scratch.at('manifests', 'registry.ollama.ai', 'library', 'sample');
    await happens(() => {
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
    });
    await until(() => changes.watched === 6);
    await happens(() => writeFileSync(join(folder, 'latest'), '{'));
  });

  test('are not told after the end', async () => {
    changes.close();
    assert.equal(changes.watched, 0);
    changes.look();
    assert.equal(changes.watched, 0);
  });
});
