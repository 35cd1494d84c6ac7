import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { BlobDirectory } from '../../src/blobs/index.ts';
import { digestHex } from '../../src/oci/index.ts';
import { digestOf, pieceSize, ScratchData, tableOf, writePieces } from '../fixtures/blob-directory.ts';
import { makeFifo } from '../fixtures/odd-files.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { storageContract } from './storage-contract.ts';

storageContract('a directory of blobs', () => {
  const data = new ScratchData();
  return { open: () => data.open(), remove: () => data[Symbol.dispose]() };
});

let data: ScratchData;
let storage: BlobDirectory;
const bytes = Buffer.from(patternedBytes(pieceSize + 5));
const digest = digestOf(bytes);
const final = () => join(data.path, 'blobs/sha256', digestHex(digest).slice(0, 2), digestHex(digest));
const partial = () => join(data.path, 'partial', digestHex(digest));
beforeEach(() => {
  data = new ScratchData();
  storage = data.open();
});
afterEach(() => data[Symbol.dispose]());

async function publish(): Promise<void> {
  const receiving = await storage.receive(digest, bytes.length, pieceSize);
  await writePieces(receiving, bytes);
  await receiving.publish(tableOf(bytes));
  await receiving.close();
}

describe('the directory', () => {
  test('belongs to its user alone, and published blobs are read-only', async () => {
    await publish();
    for (const name of ['blobs', 'partial', 'tables', 'quarantine'])
      assert.equal(statSync(join(data.path, name)).mode & 0o077, 0, name);
    assert.equal(statSync(final()).mode & 0o777, 0o444);
    assert.deepEqual(readdirSync(join(data.path, 'partial')), []);
  });

  test('that others can write into is refused', () => {
    chmodSync(data.path, 0o777);
    assert.throws(() => data.open(), { code: 'DATA_UNUSABLE', message: /others can write into it$/ });
  });

  test('that cannot be made is refused', () => {
    writeFileSync(join(data.path, 'file'), '');
    renameSync(join(data.path, 'partial'), join(data.path, 'was'));
    writeFileSync(join(data.path, 'partial'), '');
    assert.throws(() => data.open(), { code: 'DATA_UNUSABLE' });
  });

  test('shows nothing that is no blob: links, FIFOs, foreign names, blobs in the wrong place', async () => {
    await publish();
    const folder = dirname(final());
    const other = `${digestHex(digest).slice(0, 2)}${'0'.repeat(62)}`;
    symlinkSync(final(), join(folder, other));
    makeFifo(join(folder, `${digestHex(digest).slice(0, 2)}${'1'.repeat(62)}`));
    writeFileSync(join(folder, 'README'), 'x');
    mkdirSync(join(data.path, 'blobs/sha256/zz'));
    writeFileSync(join(data.path, 'blobs/sha256/zz', digestHex(digest)), 'x');
    const found: string[] = [];
    for await (const blob of storage.list()) found.push(blob.digest);
    assert.deepEqual(found, [digest]);
    const linked = digestOf(Buffer.from('never'));
    assert.equal(await storage.find(linked), undefined);
  });

  test('does not follow a link in the place of a blob, nor wait for a FIFO', async () => {
    mkdirSync(dirname(final()), { recursive: true });
    writeFileSync(join(data.path, 'elsewhere'), 'x');
    symlinkSync(join(data.path, 'elsewhere'), final());
    assert.equal(await storage.find(digest), undefined);
    await assert.rejects(storage.read(digest), { code: 'STORAGE_FAILED' });
  });

  test('does not write through a link in the place of a partial file', async () => {
    writeFileSync(join(data.path, 'precious'), 'precious');
    symlinkSync(join(data.path, 'precious'), partial());
    await assert.rejects(storage.receive(digest, bytes.length, pieceSize), { code: 'STORAGE_FAILED' });
    assert.equal(readFileSync(join(data.path, 'precious'), 'utf8'), 'precious');
  });
});

describe('the record of pieces', () => {
  test('whose last digest was cut off counts one less', async () => {
    const first = await storage.receive(digest, bytes.length, pieceSize);
    await writePieces(first, bytes);
    await first.close();
    const record = readFileSync(`${partial()}.pieces`);
    writeFileSync(`${partial()}.pieces`, record.subarray(0, record.length - 1));
    const second = await storage.receive(digest, bytes.length, pieceSize);
    assert.equal(second.recorded.length, 1);
    await second.close();
    assert.equal(statSync(`${partial()}.pieces`).size, 64);
  });

  test('that says more than there are pieces is cut', async () => {
    const first = await storage.receive(digest, bytes.length, pieceSize);
    await writePieces(first, bytes);
    first.record(Buffer.alloc(32));
    await first.close();
    const second = await storage.receive(digest, bytes.length, pieceSize);
    assert.equal(second.recorded.length, 2);
    await second.close();
  });

  test('without its file counts nothing', async () => {
    const first = await storage.receive(digest, bytes.length, pieceSize);
    await writePieces(first, bytes);
    await first.close();
    writeFileSync(partial(), '');
    const second = await storage.receive(digest, bytes.length, pieceSize);
    assert.equal(second.recorded.length, 0);
    await second.close();
  });
});

test('what a process left that was killed while it took a lock is swept away when it is old', () => {
  data.open();
  const [old, fresh] = ['aa.lock.00112233', 'aa.lock.44556677'].map((name) =>
    join(data.path, 'partial', name),
  );
  for (const path of [old, fresh]) writeFileSync(path ?? '', 'mark');
  utimesSync(old ?? '', data.ms / 1000 - 60, data.ms / 1000 - 60);
  utimesSync(fresh ?? '', data.ms / 1000, data.ms / 1000);
  data.open();
  assert.deepEqual(readdirSync(join(data.path, 'partial')), ['aa.lock.44556677']);
});

describe('a lock', () => {
  const lock = () => `${partial()}.lock`;
  test('that nobody refreshed for a minute is taken over', async () => {
    writeFileSync(lock(), '1\n');
    utimesSync(lock(), data.ms / 1000, data.ms / 1000);
    await assert.rejects(storage.receive(digest, 5, pieceSize), { code: 'BLOB_BUSY' });
    data.ms += 20_001;
    await (await storage.receive(digest, 5, pieceSize)).close();
    assert.deepEqual(
      readdirSync(join(data.path, 'partial')).filter((name) => name.includes('lock')),
      [],
    );
  });
});

describe('space', () => {
  const margin = 64 * 1024 * 1024;
  const withFree = (free: number, maxData?: number) =>
    data.open({ maxData, freeIn: async () => free + margin });

  test('is reserved before a download, and two do not count on the same bytes', async () => {
    const full = withFree(bytes.length + 10);
    const first = await full.receive(digest, bytes.length, pieceSize);
    const other = digestOf(Buffer.from('other'));
    await assert.rejects(full.receive(other, 11, pieceSize), {
      code: 'STORAGE_FULL',
      facts: { needed: 11, free: 10 },
    });
    await (await full.receive(other, 10, pieceSize)).close();
    await first.close();
    await (await full.receive(other, 11, pieceSize)).close();
  });

  test('is what --max-data leaves', async () => {
    await publish();
    const capped = withFree(Number.MAX_SAFE_INTEGER / 2, bytes.length + 3);
    const other = digestOf(Buffer.from('other'));
    await assert.rejects(capped.receive(other, 4, pieceSize), { facts: { needed: 4, free: 3 } });
    await (await capped.receive(other, 3, pieceSize)).close();
    await capped.remove(digest);
    await (await capped.receive(other, bytes.length + 3, pieceSize)).close();
  });

  test('is needed only for what is not here yet', async () => {
    const first = await storage.receive(digest, bytes.length, pieceSize);
    await writePieces(first, bytes, 0, 1);
    await first.close();
    await (await withFree(5).receive(digest, bytes.length, pieceSize)).close();
    await assert.rejects(withFree(4).receive(digest, bytes.length, pieceSize), { code: 'STORAGE_FULL' });
  });
});

test('quarantine leaves a note beside the blob', async () => {
  await publish();
  const where = await storage.quarantine(digest, 'found sha256:other');
  assert.deepEqual(readFileSync(where), bytes);
  assert.deepEqual(JSON.parse(readFileSync(`${where}.json`, 'utf8')), {
    digest,
    at: '2026-11-23T00:00:00.000Z',
    reason: 'found sha256:other',
  });
});

test('who still reads verified bytes of a download reads them also when another size is received under its name', async () => {
  const first = await storage.receive(digest, bytes.length, pieceSize);
  await writePieces(first, bytes, 0, 1);
  const reader = await first.open();
  await first.close();
  const second = await storage.receive(digest, bytes.length + 7, pieceSize);
  const got = Buffer.alloc(pieceSize);
  readSync(reader.fd, got, 0, pieceSize, 0);
  assert.ok(got.equals(bytes.subarray(0, pieceSize)));
  await reader.close();
  await second.close();
});
