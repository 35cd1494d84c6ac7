import assert from 'node:assert/strict';
import { chmodSync, chownSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { readServed } from '../../../cli/mirror/served-file.ts';
import { ScratchStore } from '../../fixtures/scratch-store.ts';

const root = process.getuid?.() === 0;
const mallory = 61_001;

suite('a file that a mirror hands to whoever asks', () => {
  let scratch: ScratchStore;
  let path: string;
  beforeEach(() => {
    scratch = new ScratchStore();
    mkdirSync(scratch.beside('list'));
    path = scratch.beside('list/allow-list.json');
    writeFileSync(path, '{}');
  });
  afterEach(() => scratch.remove());

  test('is read as it is, also behind a link, and is none where there is none', () => {
    assert.equal(readServed(path)?.toString(), '{}');
    symlinkSync('list/allow-list.json', scratch.beside('link'));
    assert.equal(readServed(scratch.beside('link'))?.toString(), '{}');
    assert.equal(readServed(scratch.beside('absent')), undefined);
    assert.equal(readServed(join(path, 'below')), undefined);
    assert.throws(() => readServed(scratch.beside('list')), { code: 'FILE_UNREADABLE' });
    assert.throws(() => readServed(path, 1), { code: 'FILE_UNREADABLE', message: /larger than 1 bytes/ });
  });

  test('is never one that root alone may read, where another user can put a link in its place', {
    skip: !root && 'needs root',
  }, () => {
    const secret = scratch.beside('secret');
    writeFileSync(secret, 'secret', { mode: 0o600 });
    const refused = { code: 'FILE_UNREADABLE', message: /is not for everybody, and somebody else can put/ };
    chmodSync(path, 0o600);
    assert.equal(readServed(path)?.toString(), '{}');
    chownSync(scratch.beside('list'), mallory, mallory);
    assert.throws(() => readServed(path), refused);
    chmodSync(path, 0o644);
    assert.equal(readServed(path)?.toString(), '{}');
    for (const put of [symlinkSync, linkSync]) {
      rmSync(path);
      put(secret, path);
      assert.throws(() => readServed(path), refused);
    }
  });
});
