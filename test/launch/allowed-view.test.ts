import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { ViewSite } from '../fixtures/view-site.ts';

const root = process.getuid?.() === 0;

suite('a view on a file system with reflinks', { skip: !root && 'needs root' }, () => {
  let site: ViewSite;
  let cloned: number[];
  beforeEach(() => {
    site = new ViewSite();
    cloned = [];
  });
  afterEach(() => site.remove());

  /** What a reflink is to everybody who looks at it: another file with the same bytes. */
  const clone = (from: string, to: Buffer) => {
    copyFileSync(from, to);
    cloned.push(statSync(from).ino);
  };
  const kinds = ['model', 'template', 'system', 'params', 'license', 'config'];
  const build = () => {
    cloned = [];
    return site.build(clone);
  };
  const inView = (kind: string) => site.inView(kind);
  const blob = (kind: string) => site.model.blob(kind);
  const setView = (kind: string, seconds: number) => utimesSync(inView(kind), seconds, seconds);
  const later = () => Date.now() / 1000 + 60;
  /** When a blob of the store changed last, in milliseconds; nobody can set that. */
  const changed = (kind: string) => statSync(blob(kind)).ctimeMs;

  test('has files of its own, which nobody may write', async () => {
    assert.equal(await build(), site.view);
    assert.equal(cloned.length, kinds.length);
    for (const kind of kinds) {
      const [here, there] = [statSync(blob(kind)), statSync(inView(kind))];
      assert.notEqual(there.ino, here.ino);
      assert.deepEqual([there.mode & 0o7777, there.uid], [0o444, 0]);
      assert.deepEqual(readFileSync(inView(kind)), readFileSync(blob(kind)));
    }
    assert.deepEqual(site.viewEntries, ['blobs', 'manifests']);
  });

  test('keeps those that are newer than the last change of their source', async () => {
    await build();
    for (const kind of kinds) setView(kind, later());
    await build();
    assert.deepEqual(cloned, []);
  });

  test('makes those again whose source changed after them', async () => {
    await build();
    for (const kind of kinds) setView(kind, later());
    setView('system', changed('system') / 1000 - 1);
    await build();
    assert.deepEqual(cloned, [statSync(blob('system')).ino]);
  });

  test('makes those again whose source changed in the same tick of the clock', async () => {
    await build();
    for (const kind of kinds) setView(kind, later());
    do {
      chmodSync(blob('params'), 0o644);
      setView('params', changed('params') / 1000);
      // The digits behind that a time of a file has, and a number of seconds has not, may differ.
    } while (statSync(inView('params')).mtimeMs !== changed('params'));
    await build();
    assert.deepEqual(cloned, [statSync(blob('params')).ino]);
  });

  test('makes those again that have another size, whatever their times say', async () => {
    await build();
    writeFileSync(inView('license'), 'x');
    for (const kind of kinds) setView(kind, later());
    await build();
    assert.deepEqual(cloned, [statSync(blob('license')).ino]);
  });
});
