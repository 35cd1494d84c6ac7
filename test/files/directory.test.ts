import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Directory, openResolvedFile } from '../../src/files/index.ts';
import { makeFifo, noFifo } from '../fixtures/odd-files.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';
import { directoryContract } from './directory-contract.ts';

directoryContract((raw) => Directory.open(raw));

describe('where /proc is there', { skip: existsSync('/proc/self/fd') ? false : 'needs /proc' }, () => {
  test('a directory is read on, wherever it was moved', () => {
    const scratch = new ScratchStore();
    try {
      const path = scratch.beside('directory');
      mkdirSync(path);
      writeFileSync(join(path, 'file'), 'bytes');
      using directory = Directory.open(path);
      renameSync(path, scratch.beside('moved'));
      const fd = directory.openFile('file');
      assert.equal(readFileSync(fd, 'utf8'), 'bytes');
      closeSync(fd);
      assert.deepEqual([...directory.names()], ['file']);
    } finally {
      scratch.remove();
    }
  });
});

describe('a path whose links were resolved', () => {
  test('is opened only if it is still a file, and no link again', { skip: noFifo(), timeout: 10_000 }, () => {
    const scratch = new ScratchStore();
    try {
      writeFileSync(scratch.beside('file'), 'bytes');
      closeSync(openResolvedFile(scratch.beside('file')));
      symlinkSync('file', scratch.beside('link'));
      makeFifo(scratch.beside('fifo'));
      assert.throws(() => openResolvedFile(scratch.beside('link')), { code: 'ELOOP' });
      for (const name of ['fifo', 'models'])
        assert.throws(() => openResolvedFile(scratch.beside(name)), { code: 'FILE_CHANGED' });
    } finally {
      scratch.remove();
    }
  });
});
