import assert from 'node:assert/strict';
import fs, { appendFileSync, truncateSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { readSmall } from '../../src/files/index.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';

let files: ScratchFiles;
beforeEach(() => {
  files = new ScratchFiles();
});
afterEach(() => {
  mock.restoreAll();
  syncBuiltinESMExports();
  files.remove();
});

/** Lets something happen once, right after the first read of the code under test. */
function afterFirstRead(happens: () => void): void {
  const real = fs.readSync;
  let first = true;
  mock.method(fs, 'readSync', (...words: Parameters<typeof real>) => {
    const got = real(...words);
    if (first) happens();
    first = false;
    return got;
  });
  syncBuiltinESMExports();
}

describe('reading a small file', () => {
  test('gives all of its bytes, wherever the descriptor stands', () => {
    for (const size of [0, 1, 4096, 100_000]) {
      const bytes = patternedBytes(size);
      const fd = files.holding(bytes);
      assert.deepEqual(readSmall(fd, 100_000), bytes);
      assert.deepEqual(readSmall(fd, 100_000), bytes, 'twice');
    }
  });

  test('does not read a byte of a larger one', () => {
    const read = mock.method(fs, 'readSync');
    syncBuiltinESMExports();
    const path = files.write(Buffer.from('x'));
    truncateSync(path, 100_000_000);
    assert.equal(readSmall(files.open(path), 99_999_999), undefined);
    assert.equal(read.mock.callCount(), 0);
  });

  test('refuses one that grows meanwhile, and does not follow it', () => {
    const path = files.write(patternedBytes(1000));
    afterFirstRead(() => appendFileSync(path, patternedBytes(50_000)));
    assert.throws(() => readSmall(files.open(path), 2000), { code: 'FILE_CHANGED' });
  });

  test('refuses one that shrinks meanwhile', () => {
    const path = files.write(patternedBytes(1000));
    afterFirstRead(() => truncateSync(path, 10));
    assert.throws(() => readSmall(files.open(path), 2000), { code: 'FILE_CHANGED' });
  });
});
