import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
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

  suite('is nobody, as root, where a third user can put another store in its place', {
    skip: own !== 0 && 'needs root',
  }, () => {
    const [owner, mallory] = [61_002, 61_001];
    let path: string;
    beforeEach(() => {
      path = store.beside('a/b/models');
      mkdirSync(dirname(path), { recursive: true });
      renameSync(store.path, path);
    });
    const giveTo = (uid: number) => {
      for (const part of [path, join(path, 'blobs'), join(path, 'manifests')]) chownSync(part, uid, uid);
    };
    const refused = (folder: string, who = 'user 61001') => ({
      code: 'REPAIR_REFUSED',
      message: new RegExp(`${who} can write ${folder}, and could put something else in the place of ${path}`),
    });

    for (const uid of [0, owner])
      test(`and the store is ${uid === 0 ? "root's own" : "another user's"}`, () => {
        giveTo(uid);
        assert.deepEqual(ownerToBecome(path, 0), uid === 0 ? undefined : { uid, gid: uid });
        // Not the directory above it, but one above that.
        chownSync(store.beside('a'), mallory, mallory);
        assert.throws(() => ownerToBecome(path, 0), refused(store.beside('a')));
        chownSync(store.beside('a'), 0, 0);
        chmodSync(store.beside('a'), 0o777);
        assert.throws(() => ownerToBecome(path, 0), refused(store.beside('a'), 'every user of this machine'));
        chmodSync(store.beside('a'), 0o1777);
        assert.deepEqual(ownerToBecome(path, 0), uid === 0 ? undefined : { uid, gid: uid });
      });

    test('behind a link to blobs/ on another disk', () => {
      const his = store.beside('his');
      mkdirSync(join(his, 'blobs'), { recursive: true });
      renameSync(join(path, 'blobs'), join(path, 'was'));
      symlinkSync(join(his, 'blobs'), join(path, 'blobs'));
      assert.equal(ownerToBecome(path, 0), undefined);
      chownSync(his, mallory, mallory);
      assert.throws(() => ownerToBecome(path, 0), {
        code: 'REPAIR_REFUSED',
        message: /user 61001 can write \S+his, and could put something else in the place of \S+blobs/,
      });
    });

    test('becomes its owner with the groups that are his, and never with that of a directory', () => {
      const passwd = 'root:x:0:0::/root:/bin/sh\nollama:x:61001:990::/usr/share/ollama:/bin/false\n';
      // What root made and gave away keeps root's group.
      for (const part of [path, join(path, 'blobs'), join(path, 'manifests')]) chownSync(part, mallory, 0);
      assert.deepEqual(ownerToBecome(path, 0, passwd), { uid: mallory, gid: 990, name: 'ollama' });
      assert.deepEqual(ownerToBecome(path, 0, ''), { uid: mallory, gid: 65_534 });
      for (const part of [path, join(path, 'blobs'), join(path, 'manifests')])
        chownSync(part, mallory, mallory);
      assert.deepEqual(ownerToBecome(path, 0, ''), { uid: mallory, gid: mallory });
    });

    test('the owner of the store may own all of what is above it, as in a home', () => {
      giveTo(owner);
      for (const folder of ['a', 'a/b']) chownSync(store.beside(folder), owner, owner);
      assert.deepEqual(ownerToBecome(path, 0), { uid: owner, gid: owner });
    });
  });
});
