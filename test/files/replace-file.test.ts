import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { replaceFile, syncDirectory } from '../../src/files/index.ts';
import { asRoot } from '../fixtures/odd-files.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

let scratch: ScratchStore;
let folder: string;
beforeEach(() => {
  scratch = new ScratchStore();
  folder = scratch.beside('folder');
  mkdirSync(folder);
});
afterEach(() => {
  chmodSync(folder, 0o755);
  scratch.remove();
});

describe('replacing a file', () => {
  test('makes it with its mode, or gives it other bytes, and leaves nothing beside it', () => {
    const path = join(folder, 'file');
    for (const content of ['first', patternedBytes(300_000), '']) {
      replaceFile(path, content, 0o600);
      assert.deepEqual(readFileSync(path), Buffer.from(content));
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.deepEqual(readdirSync(folder), ['file']);
    }
  });

  test('is another file each time: who reads the old one reads it to its end', () => {
    const path = join(folder, 'file');
    replaceFile(path, 'first', 0o644);
    const before = statSync(path).ino;
    replaceFile(path, 'second', 0o644);
    assert.notEqual(statSync(path).ino, before);
  });

  test('replaces what a link leads to, also where nothing lies there yet; the link stays', () => {
    const target = scratch.beside('target');
    symlinkSync(join('..', 'target'), join(folder, 'hop'));
    symlinkSync('hop', join(folder, 'link'));
    for (const text of ['first', 'second']) {
      replaceFile(join(folder, 'link'), text, 0o644);
      assert.equal(readFileSync(target, 'utf8'), text);
      assert.equal(readlinkSync(join(folder, 'link')), 'hop');
    }
    assert.deepEqual(readdirSync(folder), ['hop', 'link']);
  });

  test('does not follow links in a circle for ever: the name itself is replaced', () => {
    symlinkSync('b', join(folder, 'a'));
    symlinkSync('a', join(folder, 'b'));
    replaceFile(join(folder, 'a'), 'bytes', 0o644);
    assert.equal(readFileSync(join(folder, 'a'), 'utf8'), 'bytes');
    assert.equal(readlinkSync(join(folder, 'b')), 'a');
  });

  test('that fails leaves the old file and nothing beside it', () => {
    mkdirSync(join(folder, 'directory'));
    writeFileSync(join(folder, 'directory', 'inside'), '');
    assert.throws(() => replaceFile(join(folder, 'directory'), 'bytes', 0o644), /EISDIR|ENOTEMPTY|EEXIST/);
    assert.deepEqual(readdirSync(folder), ['directory']);
    assert.throws(() => replaceFile(join(folder, 'absent', 'file'), 'bytes', 0o644), { code: 'ENOENT' });
    assert.ok(!existsSync(join(folder, 'absent')));
  });

  test('needs a directory that can be written', { skip: asRoot() }, () => {
    writeFileSync(join(folder, 'file'), 'old');
    chmodSync(folder, 0o555);
    assert.throws(() => replaceFile(join(folder, 'file'), 'new', 0o644), { code: 'EACCES' });
    assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'old');
  });
});

test('only a directory can be synced as one', () => {
  syncDirectory(folder);
  writeFileSync(join(folder, 'file'), '');
  assert.throws(() => syncDirectory(join(folder, 'file')), { code: 'ENOTDIR' });
});

test('a directory of a file system that cannot sync one is left as it is', {
  skip: existsSync('/proc/self/fd') ? false : 'needs /proc',
}, () => {
  syncDirectory('/proc');
});
