import assert from 'node:assert/strict';
import { readSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { BlobStorage, OpenBlob } from '../../src/blobs/index.ts';
import { digestOf, pieceSize, tableOf, writePieces } from '../fixtures/blob-directory.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';

/** Everything that lies in an open blob, which is closed. */
async function bytesOf(open: OpenBlob): Promise<Buffer> {
  const bytes = Buffer.alloc(open.size);
  for (let done = 0; done < bytes.length; ) {
    const got = readSync(open.fd, bytes, done, bytes.length - done, done);
    if (got === 0) break;
    done += got;
  }
  await open.close();
  return bytes;
}

/** What any storage of the mirror does; `make` opens the same place again each time. */
export function storageContract(
  name: string,
  make: () => { open: () => BlobStorage; remove: () => void },
): void {
  describe(name, () => {
    const bytes = Buffer.from(patternedBytes(2 * pieceSize + 77));
    const digest = digestOf(bytes);
    let place: ReturnType<typeof make>;
    let storage: BlobStorage;
    beforeEach(() => {
      place = make();
      storage = place.open();
    });
    afterEach(() => place.remove());

    const all = async () => {
      const found: string[] = [];
      for await (const blob of storage.list()) found.push(`${blob.digest} ${blob.size}`);
      return found;
    };
    const publish = async () => {
      const receiving = await storage.receive(digest, bytes.length, pieceSize);
      await writePieces(receiving, bytes);
      await receiving.publish(tableOf(bytes));
      await receiving.close();
    };

    test('shows nothing of a blob before it is published, and all of it afterwards', async () => {
      const receiving = await storage.receive(digest, bytes.length, pieceSize);
      await writePieces(receiving, bytes);
      assert.deepEqual([await storage.find(digest), await all()], [undefined, []]);
      await assert.rejects(storage.read(digest), { code: 'BLOB_ABSENT' });
      await receiving.publish(tableOf(bytes));
      await receiving.close();
      assert.equal((await storage.find(digest))?.size, bytes.length);
      assert.deepEqual(await all(), [`${digest} ${bytes.length}`]);
      assert.ok((await bytesOf(await storage.read(digest))).equals(bytes));
      assert.deepEqual(Buffer.from((await storage.tableOf(digest)) ?? []), Buffer.from(tableOf(bytes).bytes));
    });

    test('takes pieces in any order', async () => {
      const receiving = await storage.receive(digest, bytes.length, pieceSize);
      await writePieces(receiving, bytes, 2, 3);
      await writePieces(receiving, bytes, 0, 2);
      await receiving.publish(tableOf(bytes));
      await receiving.close();
      assert.ok((await bytesOf(await storage.read(digest))).equals(bytes));
    });

    test('lets received bytes be read while the rest comes, and after they were published', async () => {
      const receiving = await storage.receive(digest, bytes.length, pieceSize);
      await writePieces(receiving, bytes, 0, 1);
      const early = await receiving.open();
      const part = Buffer.alloc(pieceSize);
      readSync(early.fd, part, 0, pieceSize, 0);
      assert.ok(part.equals(bytes.subarray(0, pieceSize)));
      await writePieces(receiving, bytes, 1);
      await receiving.publish(tableOf(bytes));
      assert.ok((await bytesOf(await receiving.open())).equals(bytes));
      assert.ok((await bytesOf(early)).equals(bytes));
      await receiving.close();
    });

    test('goes on where another process stopped', async () => {
      const first = await storage.receive(digest, bytes.length, pieceSize);
      await writePieces(first, bytes, 0, 2);
      await first.close();
      storage = place.open();
      const second = await storage.receive(digest, bytes.length, pieceSize);
      assert.equal(second.recorded.length, 2);
      await writePieces(second, bytes, 2);
      await second.publish(tableOf(bytes));
      await second.close();
      assert.ok((await bytesOf(await storage.read(digest))).equals(bytes));
    });

    test('begins anew when the size or the cut is another one', async () => {
      const first = await storage.receive(digest, bytes.length, pieceSize);
      await writePieces(first, bytes, 0, 2);
      await first.close();
      for (const [size, piece] of [
        [bytes.length + 1, pieceSize],
        [bytes.length, 2 * pieceSize],
      ] as const) {
        const other = await storage.receive(digest, size, piece);
        assert.equal(other.recorded.length, 0);
        await other.close();
      }
    });

    test('forgets pieces that are not what was recorded', async () => {
      const first = await storage.receive(digest, bytes.length, pieceSize);
      await writePieces(first, bytes);
      first.forget(1);
      await first.close();
      const second = await storage.receive(digest, bytes.length, pieceSize);
      assert.equal(second.recorded.length, 1);
      await second.close();
    });

    test('keeps nothing of what is discarded', async () => {
      const first = await storage.receive(digest, bytes.length, pieceSize);
      await writePieces(first, bytes, 0, 2);
      await first.discard();
      await first.close();
      const second = await storage.receive(digest, bytes.length, pieceSize);
      assert.deepEqual([second.recorded.length, await all()], [0, []]);
      await second.close();
    });

    test('has one receiver a digest', async () => {
      const first = await storage.receive(digest, bytes.length, pieceSize);
      await assert.rejects(place.open().receive(digest, bytes.length, pieceSize), { code: 'BLOB_BUSY' });
      await first.close();
      await (await place.open().receive(digest, bytes.length, pieceSize)).close();
    });

    test('moves a bad blob aside, where it can be looked at', async () => {
      await publish();
      const where = await storage.quarantine(digest, 'its digest is another one');
      assert.ok(where.includes('quarantine'));
      assert.deepEqual([await storage.find(digest), await all()], [undefined, []]);
      await publish();
      assert.equal((await storage.find(digest))?.size, bytes.length);
    });

    test('removes what nobody names, also what is not there', async () => {
      await publish();
      await storage.remove(digest);
      await storage.remove(digest);
      assert.deepEqual([await storage.find(digest), await storage.tableOf(digest)], [undefined, undefined]);
    });

    test('holds an empty blob', async () => {
      const nothing = Buffer.alloc(0);
      const receiving = await storage.receive(digestOf(nothing), 0, pieceSize);
      await receiving.publish(tableOf(nothing));
      await receiving.close();
      assert.equal((await bytesOf(await storage.read(digestOf(nothing)))).length, 0);
    });
  });
}
