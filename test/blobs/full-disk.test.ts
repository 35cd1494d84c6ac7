import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import {
  digestOf,
  pieceSize,
  piecesOf,
  ScratchData,
  tableOf,
  writePieces,
} from '../fixtures/blob-directory.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { refusedWith } from '../fixtures/refused-with.ts';

const mount = (...words: string[]): boolean => spawnSync('mount', words).status === 0;

/** Whether this process may mount a small file system in memory. */
function mayMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  using data = new ScratchData();
  return (
    mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', data.path) && spawnSync('umount', [data.path]).status === 0
  );
}

describe('a disk that is full in the middle of a blob', {
  skip: mayMount() ? false : 'needs root, and mount',
}, () => {
  test('nothing is visible, what was verified is kept, and with room the same blob is received to its end', async () => {
    using data = new ScratchData();
    assert.ok(mount('-t', 'tmpfs', '-o', 'size=4m,mode=700', 'tmpfs', data.path));
    try {
      const bytes = Buffer.from(patternedBytes(8 * pieceSize));
      const digest = digestOf(bytes);
      // Others took the room after it was reserved.
      const open = () => data.open({ maxData: undefined, freeIn: async () => 1e12 });
      const first = await open().receive(digest, bytes.length, pieceSize);
      await assert.rejects(writePieces(first, bytes), refusedWith('STORAGE_FULL'));
      await first.close();
      assert.equal(await open().find(digest), undefined);
      assert.ok(mount('-o', 'remount,size=64m', data.path));
      const again = await open().receive(digest, bytes.length, pieceSize);
      assert.ok(again.recorded.length >= 2 && again.recorded.length <= 4, `${again.recorded.length} pieces`);
      await writePieces(again, bytes, again.recorded.length);
      await again.publish(tableOf(bytes));
      await again.close();
      assert.equal((await open().find(digest))?.size, bytes.length);
      assert.ok(readFileSync(open().placeOf(digest)).equals(bytes));
      assert.equal(piecesOf(bytes).length, 8);
    } finally {
      spawnSync('umount', [data.path]);
    }
  });
});
