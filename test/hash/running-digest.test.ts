import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { ChunkTableBuilder, RunningDigest } from '../../src/hash/index.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';

const pieceSize = 1024 * 1024;
const files = new ScratchFiles();
after(() => files.remove());

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

describe('a digest of a file that is still being written', () => {
  for (const threads of [1, 2] as const)
    test(`is that of the whole, with its chunk table, whatever is written when, by ${threads}`, async () => {
      const bytes = patternedBytes(2 * pieceSize + 5);
      const fd = openSync(`${files.folder}/growing${threads}`, 'wx+');
      const digest = new RunningDigest(fd, { pieceSize, threads });
      const builder = new ChunkTableBuilder(pieceSize);
      builder.update(bytes);
      // The last piece is there before the second, as it may come over the network.
      writeSync(fd, bytes, 2 * pieceSize, 5, 2 * pieceSize);
      for (const end of [pieceSize, 2 * pieceSize, bytes.length]) {
        const start = digest.end;
        writeSync(fd, bytes, start, end - start, start);
        assert.deepEqual(Buffer.from(await digest.extend(end)), sha256(bytes.subarray(start, end)));
      }
      const verdict = await digest.finish();
      assert.equal(verdict.digest, `sha256:${sha256(bytes).toString('hex')}`);
      assert.deepEqual(Buffer.from(verdict.table.bytes), Buffer.from(builder.finish().bytes));
      await digest.close();
      closeSync(fd);
    });

  test('of bytes that are not there yet is refused: STREAM_TOO_SHORT', async () => {
    const fd = openSync(`${files.folder}/short`, 'wx+');
    writeSync(fd, Buffer.alloc(10));
    const digest = new RunningDigest(fd, { pieceSize });
    await assert.rejects(digest.extend(11), {
      code: 'STREAM_TOO_SHORT',
      facts: { actual: 10, expected: 11 },
    });
    await digest.close();
    closeSync(fd);
  });

  test('of a file that cannot be read is FILE_UNREADABLE', async () => {
    const fd = openSync(`${files.folder}/write-only`, 'w');
    const digest = new RunningDigest(fd, { pieceSize });
    await assert.rejects(digest.extend(1), { code: 'FILE_UNREADABLE' });
    await digest.close();
    closeSync(fd);
  });

  test('that was closed answers nothing any more, also what was asked before', async () => {
    const fd = openSync(`${files.folder}/closed`, 'wx+');
    const digest = new RunningDigest(fd, { pieceSize });
    const asked = assert.rejects(digest.extend(1));
    await digest.close();
    await asked;
    await assert.rejects(digest.extend(1), { code: 'CANCELLED' });
    closeSync(fd);
  });
});
