import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type SharedFile, SharedFiles } from '../../src/files/index.ts';
import { openFilesBelow } from '../fixtures/process-counts.ts';

describe('a file that many read at once', {
  skip: process.platform === 'linux' ? false : 'needs /proc',
}, () => {
  let folder = '';
  let path = '';
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'vm-')));
    path = join(folder, 'list');
    writeFileSync(path, 'first');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const textOf = (file: SharedFile | undefined): string => {
    assert.ok(file !== undefined);
    const bytes = Buffer.alloc(file.size);
    readSync(file.fd, bytes, 0, bytes.length, 0);
    return bytes.toString();
  };

  test('is open once, and closed with the last of them', async () => {
    const files = new SharedFiles();
    const readers = Array.from({ length: 100 }, () => files.open(path));
    assert.equal(openFilesBelow(folder), 1);
    for (const reader of readers.slice(1)) await reader?.close();
    assert.equal(textOf(readers[0]), 'first');
    await readers[0]?.close();
    await readers[0]?.close();
    assert.equal(openFilesBelow(folder), 0);
  });

  test('is another one after it was replaced, or written in its place; who began before reads the old one on', async () => {
    const files = new SharedFiles();
    const old = files.open(path);
    writeFileSync(`${path}.new`, 'the second');
    renameSync(`${path}.new`, path);
    const second = files.open(path);
    assert.deepEqual([textOf(old), textOf(second)], ['first', 'the second']);
    writeFileSync(path, 'a longer third one');
    const third = files.open(path);
    assert.equal(textOf(third), 'a longer third one');
    for (const file of [old, second, third]) await file?.close();
    assert.equal(openFilesBelow(folder), 0);
  });

  test('may be reached through a link; what is no regular file is none, and nothing waits for it', async () => {
    const files = new SharedFiles();
    symlinkSync('list', join(folder, 'link'));
    const linked = files.open(join(folder, 'link'));
    assert.equal(textOf(linked), 'first');
    await linked?.close();
    mkdirSync(join(folder, 'directory'));
    assert.equal(spawnSync('mkfifo', [join(folder, 'fifo')]).status, 0);
    for (const name of ['directory', 'fifo', 'absent', 'list/below'])
      assert.equal(files.open(join(folder, name)), undefined);
    assert.equal(openFilesBelow(folder), 0);
  });
});
