import assert from 'node:assert/strict';
import fs, { lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, mock, test } from 'node:test';
import { ScratchStore } from '../fixtures/scratch-store.ts';
import { directoryContract } from './directory-contract.ts';

type Module = typeof import('../../src/files/directory.ts');

/** The module as it is on a system without /proc: it looks for it once, when it is loaded. */
async function loadWithoutProc(): Promise<Module> {
  const real = fs.existsSync;
  mock.method(fs, 'existsSync', (path: fs.PathLike) => `${path}` !== '/proc/self/fd' && real(path));
  syncBuiltinESMExports();
  const module: Module = await import(
    new URL('../../src/files/directory.ts?without-proc', import.meta.url).href
  );
  mock.restoreAll();
  syncBuiltinESMExports();
  return module;
}

const { Directory } = await loadWithoutProc();

directoryContract((raw) => Directory.open(raw));

describe('where /proc is not there', () => {
  /** Lets something happen once, between the look at a file and the opening of it. */
  function beforeOpen(happens: () => void): void {
    const real = fs.openSync;
    mock.method(fs, 'openSync', (...words: Parameters<typeof real>) => {
      mock.restoreAll();
      syncBuiltinESMExports();
      happens();
      return real(...words);
    });
    syncBuiltinESMExports();
  }

  const changes: Readonly<Record<string, readonly [problem: string, happens: (path: string) => void]>> = {
    'another file is put in the place of one': [
      'its ino moved while it was opened',
      (path) => {
        writeFileSync(join(path, 'other'), 'evil!');
        renameSync(join(path, 'other'), join(path, 'file'));
      },
    ],
    'its bytes are changed': [
      'its size moved while it was opened',
      (path) => writeFileSync(join(path, 'file'), 'evil'),
    ],
    'another directory is put in the place of the one above': [
      'its ino moved while it was opened',
      (path) => {
        renameSync(path, `${path}-moved`);
        mkdirSync(path);
        writeFileSync(join(path, 'file'), 'evil!');
      },
    ],
  };
  for (const [what, [problem, happens]] of Object.entries(changes)) {
    test(`a file is compared with what was looked at before: ${what}`, () => {
      const scratch = new ScratchStore();
      try {
        const path = scratch.beside('directory');
        mkdirSync(path);
        writeFileSync(join(path, 'file'), 'bytes');
        using directory = Directory.open(path);
        beforeOpen(() => happens(path));
        assert.throws(() => directory.openFile('file'), { code: 'FILE_CHANGED', facts: { problem } });
      } finally {
        mock.restoreAll();
        syncBuiltinESMExports();
        scratch.remove();
      }
    });
  }

  test('entries are reached by their paths', () => {
    const scratch = new ScratchStore();
    try {
      using directory = Directory.open(scratch.path);
      assert.equal(directory.reach('blobs').toString(), scratch.at('blobs'));
      assert.ok(lstatSync(directory.reach('blobs')).isDirectory());
      rmSync(scratch.path, { recursive: true });
      assert.throws(() => [...directory.names()], { code: 'ENOENT' });
    } finally {
      scratch.remove();
    }
  });
});
