import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { StoreChanges } from '../../src/watch/index.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';
import { until } from '../fixtures/until.ts';

suite('changes of a store', () => {
  let scratch: ScratchStore;
  let changes: StoreChanges;
  let seen = 0;
  beforeEach(() => {
    scratch = new ScratchStore();
    scratch.addModel();
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
    await happens(() => writeFileSync(scratch.at('blobs', 'sha256-1234-partial'), 'more'));
  });

  test('are seen again in a directory that was removed and made anew', async () => {
    await happens(() => rmSync(scratch.at('manifests'), { recursive: true }));
    await until(() => changes.watched === 2);
    await happens(() => mkdirSync(scratch.at('manifests')));
    await until(() => changes.watched === 3);
    await happens(() => mkdirSync(scratch.at('manifests', 'host')));
  });

  test('are not told after the end', async () => {
    changes.close();
    assert.equal(changes.watched, 0);
    changes.look();
    assert.equal(changes.watched, 0);
  });
});
