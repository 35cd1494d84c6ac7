import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { buildAllowedView } from '../../src/launch/index.ts';
import type { Digest } from '../../src/oci/index.ts';
import type { SampleModel } from '../fixtures/sample-store.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

const root = process.getuid?.() === 0;
const account = { uid: 61_001, gid: 61_001, name: undefined, login: undefined, home: undefined };

suite('a view on a file system with reflinks', { skip: !root && 'needs root' }, () => {
  let scratch: ScratchStore;
  let model: SampleModel;
  let cloned: string[];
  beforeEach(() => {
    scratch = new ScratchStore();
    model = scratch.addModel();
    cloned = [];
  });
  afterEach(() => scratch.remove());

  /** What a reflink is to everybody who looks at it: another file with the same bytes. */
  const clone = (from: Buffer, to: Buffer) => {
    copyFileSync(from, to);
    cloned.push(from.toString().replace(/^.*\//, ''));
  };
  const kinds = ['model', 'template', 'system', 'params', 'license', 'config'];
  const build = () => {
    cloned = [];
    const blobs = new Set(kinds.map((kind) => model.digest(kind) as Digest));
    return buildAllowedView(scratch.path, [{ name: model.name, blobs }], account, { uid: 0, clone });
  };
  const inView = (kind: string) => model.blob(kind).replace(scratch.path, `${scratch.path}.allowed`);
  const nameOf = (kind: string) => model.digest(kind).replace(':', '-');
  const setView = (kind: string, seconds: number) => utimesSync(inView(kind), seconds, seconds);
  const later = () => Date.now() / 1000 + 60;
  /** When a blob of the store changed last, in milliseconds; nobody can set that. */
  const changed = (kind: string) => statSync(model.blob(kind)).ctimeMs;

  test('has files of its own, which nobody may write', () => {
    assert.equal(build(), `${scratch.path}.allowed`);
    assert.equal(cloned.length, kinds.length);
    for (const kind of kinds) {
      const [here, there] = [statSync(model.blob(kind)), statSync(inView(kind))];
      assert.notEqual(there.ino, here.ino);
      assert.deepEqual([there.mode & 0o777, there.uid], [0o444, 0]);
      assert.deepEqual(readFileSync(inView(kind)), readFileSync(model.blob(kind)));
    }
  });

  test('keeps those that are newer than the last change of their source', () => {
    build();
    for (const kind of kinds) setView(kind, later());
    build();
    assert.deepEqual(cloned, []);
  });

  test('makes those again whose source changed after them', () => {
    build();
    for (const kind of kinds) setView(kind, later());
    setView('system', changed('system') / 1000 - 1);
    build();
    assert.deepEqual(cloned, [nameOf('system')]);
  });

  test('makes those again whose source changed in the same tick of the clock', () => {
    build();
    for (const kind of kinds) setView(kind, later());
    do {
      chmodSync(model.blob('params'), 0o644);
      setView('params', changed('params') / 1000);
      // The digits behind that a time of a file has, and a number of seconds has not, may differ.
    } while (statSync(inView('params')).mtimeMs !== changed('params'));
    build();
    assert.deepEqual(cloned, [nameOf('params')]);
  });

  test('makes those again that have another size, whatever their times say', () => {
    build();
    writeFileSync(inView('license'), 'x');
    for (const kind of kinds) setView(kind, later());
    build();
    assert.deepEqual(cloned, [nameOf('license')]);
  });
});
