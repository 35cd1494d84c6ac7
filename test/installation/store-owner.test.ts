import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { ownerToBecome } from '../../src/installation/index.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

suite('who has to write into a store', () => {
  let store: ScratchStore;
  const own = process.getuid?.() ?? 0;
  const other = own + 1;
  beforeEach(() => {
    store = new ScratchStore();
  });
  afterEach(() => store.remove());
  const share = (...names: string[]) => {
    for (const name of names) chmodSync(store.at(name), 0o2775);
  };

  test('is not another user, unless the store belongs to a group of his: the fsGroup of a pod', () => {
    assert.throws(() => ownerToBecome(store.path, other), { code: 'REPAIR_REFUSED' });
    share('.');
    assert.throws(() => ownerToBecome(store.path, other), { code: 'REPAIR_REFUSED' });
    share('blobs', 'manifests');
    assert.equal(ownerToBecome(store.path, other), undefined);
  });

  test('is root itself only where nobody else can change the store', {
    skip: own !== 0 && 'needs root',
  }, () => {
    share('.', 'blobs', 'manifests');
    assert.throws(() => ownerToBecome(store.path, 0), { code: 'REPAIR_REFUSED' });
  });
});
