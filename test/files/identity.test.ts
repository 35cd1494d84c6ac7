import assert from 'node:assert/strict';
import fs, {
  chmodSync,
  closeSync,
  fstatSync,
  openSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { assertSame, difference, identityOf, settle } from '../../src/files/index.ts';
import { MappedWriter, noMapping, onDisk } from '../fixtures/mapped-writer.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

let files: ScratchFiles;
let path: string;
let fd: number;
beforeEach(() => {
  files = new ScratchFiles();
  path = files.write(patternedBytes(5000));
  fd = files.open(path);
});
afterEach(() => {
  mock.restoreAll();
  syncBuiltinESMExports();
  files.remove();
});

/** What the system answers when it is asked to flush. */
function flush(answer: () => void): void {
  mock.method(fs, 'fsyncSync', answer);
  syncBuiltinESMExports();
}

const failing = (code: string) => () => {
  throw Object.assign(new Error(`${code}: told by the test, fsync`), { code });
};

describe('the identity of an open file', () => {
  test('stays while nobody touches it', () => {
    const before = settle(fd);
    assert.equal(Number(before.size), 5000);
    assertSame(fd, before, 'while it was read');
    assert.equal(difference(before, identityOf(fstatSync(fd, { bigint: true }))), undefined);
  });

  const changes: Readonly<Record<string, readonly [field: string, change: () => void]>> = {
    'a write': ['mtimeNs', () => writeFileSync(path, patternedBytes(5000, 7))],
    'another size': ['size', () => writeFileSync(path, 'short')],
    'a touch': ['mtimeNs', () => utimesSync(path, 1, 1)],
    'another mode': ['ctimeNs', () => chmodSync(path, 0o600)],
    'a rename': ['ctimeNs', () => renameSync(path, `${path}-moved`)],
    'its removal': ['ctimeNs', () => rmSync(path)],
  };
  for (const [what, [field, change]] of Object.entries(changes)) {
    test(`moves with ${what}`, () => {
      const before = settle(fd);
      change();
      assert.throws(() => assertSame(fd, before, 'while it was read'), {
        code: 'FILE_CHANGED',
        facts: { problem: `its ${field} moved while it was read` },
      });
    });
  }

  test('is another one for another file with the same bytes', () => {
    const other = openSync(files.write(patternedBytes(5000)), 'r');
    try {
      assert.equal(difference(settle(fd), settle(other)), 'ino');
    } finally {
      closeSync(other);
    }
  });
});

describe('settling', () => {
  for (const code of ['EINVAL', 'EROFS', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM']) {
    test(`takes a file system that cannot sync as it is: ${code}`, () => {
      flush(failing(code));
      assert.equal(Number(settle(fd).size), 5000);
    });
  }

  for (const code of ['EIO', 'ENOSPC', 'EDQUOT']) {
    test(`refuses a file whose dirty pages cannot be written: ${code}`, () => {
      flush(failing(code));
      assert.throws(() => settle(fd), {
        code: 'FILE_UNREADABLE',
        facts: { problem: `${code}: told by the test` },
      });
    });
  }

  test('refuses a file whose times move with the flush: somebody had changed it before', () => {
    flush(() => utimesSync(path, 1, 1));
    assert.throws(() => settle(fd), {
      code: 'FILE_CHANGED',
      facts: { problem: 'its mtimeNs moved while it was opened' },
    });
  });
});

describe('a page that another process has mapped and dirtied', { skip: noMapping(), timeout: 20_000 }, () => {
  test('shows its next change once it was settled, and only then', async (t) => {
    const scratch = new ScratchStore(onDisk());
    const file = scratch.beside('mapped');
    writeFileSync(file, patternedBytes(20_000));
    const writer = await MappedWriter.start(file);
    const open = openSync(file, 'r');
    try {
      await writer.flip(5000);
      const unsettled = identityOf(fstatSync(open, { bigint: true }));
      await writer.flip(5000);
      const unseen = difference(unsettled, identityOf(fstatSync(open, { bigint: true })));
      if (unseen !== undefined)
        return t.skip('needs a file system that moves no time at a write to a dirty page');
      const settled = settle(open);
      await writer.flip(5000);
      assert.throws(() => assertSame(open, settled, 'while it was read'), { code: 'FILE_CHANGED' });
    } finally {
      closeSync(open);
      await writer.end();
      scratch.remove();
    }
  });
});
