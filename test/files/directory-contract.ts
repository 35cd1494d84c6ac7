import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { KnownError } from '../../src/errors/index.ts';
import type { Directory, RawName } from '../../src/files/index.ts';
import { makeFifo, noFifo } from '../fixtures/odd-files.ts';
import { openDescriptors } from '../fixtures/process-counts.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

/** What a directory does, however its entries are reached. */
export function directoryContract(open: (raw: RawName) => Directory): void {
  let scratch: ScratchStore;
  let path: string;
  let directory: Directory;
  let descriptors: number | undefined;
  beforeEach(() => {
    scratch = new ScratchStore();
    path = scratch.beside('directory');
    mkdirSync(path);
    writeFileSync(join(path, 'file'), 'bytes');
    mkdirSync(join(path, 'inside'));
    descriptors = openDescriptors();
    directory = open(path);
  });
  afterEach(() => {
    directory[Symbol.dispose]();
    assert.equal(openDescriptors(), descriptors, 'no descriptor stays open');
    scratch.remove();
  });

  const read = (at: Directory, name: RawName): string => {
    const fd = at.openFile(name);
    try {
      return readFileSync(fd, 'latin1');
    } finally {
      closeSync(fd);
    }
  };

  /** The bytes, or nothing where the directory says that something moved. */
  const readUnmoved = (at: Directory, name: RawName): string | undefined => {
    try {
      return read(at, name);
    } catch (error) {
      if (error instanceof KnownError && error.code === 'FILE_CHANGED') return undefined;
      throw error;
    }
  };

  describe('an open directory', () => {
    test('gives its names as the disk holds them, those that are no text too', () => {
      const odd = Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0x61, 0xff, 0x0a])]);
      writeFileSync(odd, 'odd');
      assert.deepEqual([...directory.names()].sort(), ['a\xff\n', 'file', 'inside']);
      assert.equal(directory.pathOf('a\xff\n'), `${path}/a\\xff\n`);
      assert.equal(directory.lstat('a\xff\n').size, 3);
      assert.equal(read(directory, 'a\xff\n'), 'odd');
    });

    test('gives a thousand names, and lets go of them when nobody takes them all', () => {
      for (let n = 0; n < 1000; n += 1) writeFileSync(join(path, `${n}`), '');
      assert.equal(new Set(directory.names()).size, 1002);
      for (const name of directory.names()) if (name !== '') break;
      assert.equal(openDescriptors(), (descriptors ?? 0) + 1);
    });

    test('opens files and directories in it, and tells one directory from another', () => {
      assert.equal(read(directory, 'file'), 'bytes');
      using inside = directory.openDirectory('inside');
      using again = open(join(path, 'inside'));
      assert.deepEqual(
        [inside.is(again), inside.is(directory), inside.path],
        [true, false, join(path, 'inside')],
      );
      chmodSync(join(path, 'inside'), 0o777);
      using writable = directory.openDirectory('inside');
      assert.equal(writable.mode & 0o777, 0o777);
    });

    test('opens no link, whatever it leads to', () => {
      for (const target of ['file', 'inside', '/etc/passwd', 'link', 'nowhere']) {
        symlinkSync(target, join(path, 'link'));
        assert.throws(() => directory.openFile('link'));
        assert.throws(() => directory.openDirectory('link'));
        assert.ok(directory.lstat('link').isSymbolicLink());
        rmSync(join(path, 'link'));
      }
      symlinkSync(path, scratch.beside('link'));
      assert.throws(() => open(scratch.beside('link')), /ENOTDIR|ELOOP/);
    });

    test('opens nothing but regular files as files, and does not wait for a FIFO', {
      skip: noFifo(),
      timeout: 10_000,
    }, () => {
      makeFifo(join(path, 'fifo'));
      for (const name of ['fifo', 'inside']) {
        assert.throws(
          () => directory.openFile(name),
          { code: 'FILE_CHANGED', facts: { problem: 'it is no longer a regular file' } },
          name,
        );
      }
      assert.throws(() => directory.openDirectory('file'), { code: 'ENOTDIR' });
      assert.throws(() => directory.openFile('absent'), { code: 'ENOENT' });
      assert.throws(() => directory.lstat('absent'), { code: 'ENOENT' });
    });

    test('that was moved away and replaced never reads from what took its place', () => {
      renameSync(path, scratch.beside('moved'));
      mkdirSync(path);
      writeFileSync(join(path, 'file'), 'other bytes');
      assert.notEqual(readUnmoved(directory, 'file'), 'other bytes');
    });

    test('above which a link was put never reads from where that leads', () => {
      using inside = directory.openDirectory('inside');
      writeFileSync(join(path, 'inside', 'deep'), 'bytes');
      const evil = scratch.beside('evil');
      mkdirSync(join(evil, 'inside'), { recursive: true });
      writeFileSync(join(evil, 'inside', 'deep'), 'evil');
      renameSync(path, scratch.beside('moved'));
      symlinkSync(evil, path);
      assert.notEqual(readUnmoved(inside, 'deep'), 'evil');
    });
  });
}
