import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Companions, type ListedDescriptor } from '../../src/allow-list/index.ts';
import { type ChunkTable, ChunkTableBuilder } from '../../src/hash/index.ts';
import { type Digest, digestHex } from '../../src/oci/index.ts';
import { digestOf } from '../fixtures/listed-models.ts';
import { makeFifo } from '../fixtures/odd-files.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';

const pieceSize = 2 ** 20;
let files: ScratchFiles;
let list: string;
let table: ChunkTable;
let digest: Digest;
let companions: Companions;

beforeEach(() => {
  files = new ScratchFiles();
  list = join(files.folder, 'allow-list.json');
  companions = new Companions(list);
  const builder = new ChunkTableBuilder(pieceSize);
  builder.update(Buffer.alloc(pieceSize + 9, 'x'));
  table = builder.finish();
  digest = companions.putTable(table);
});
afterEach(() => files.remove());

const entry = (chunks: Partial<ListedDescriptor['chunks']> = {}): ListedDescriptor => ({
  ...{ mediaType: 'application/vnd.ollama.image.model', digest: digestOf('blob'), size: pieceSize + 9 },
  chunks: { size: pieceSize, count: 2, table: digest, ...chunks },
});
/** Bytes of the same kind, whoever read them. */
const plain = (read: ReturnType<Companions['table']>) =>
  typeof read === 'string' ? read : { ...read, bytes: Buffer.from(read.bytes) };
const tableFile = () => join(companions.chunks, digestHex(digest));

describe('a chunk table', () => {
  test('lies beside the list under its own SHA-256, and is read back', () => {
    assert.equal(companions.chunks, join(dirname(list), 'chunks'));
    assert.deepEqual(readdirSync(companions.chunks), [
      createHash('sha256').update(table.bytes).digest('hex'),
    ]);
    assert.deepEqual(plain(companions.table(entry())), plain(table));
  });

  test('may lie in a directory of its own, and behind links, as a ConfigMap has it', () => {
    const elsewhere = join(files.folder, 'tables');
    renameSync(companions.chunks, elsewhere);
    assert.deepEqual(plain(new Companions(list, elsewhere).table(entry())), plain(table));
    symlinkSync(elsewhere, companions.chunks);
    assert.deepEqual(plain(companions.table(entry())), plain(table));
  });

  test('is none where the list has none, and missing where nothing lies', () => {
    const { chunks: _, ...without } = entry();
    assert.equal(companions.table(without), 'none');
    assert.equal(companions.table(entry({ table: digestOf('other') })), 'missing');
    assert.equal(new Companions(join(files.folder, 'no', 'list.json')).table(entry()), 'missing');
  });

  test('is damaged when one byte is another one, or missing, or too much', () => {
    const bytes = Buffer.from(table.bytes);
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    for (const damaged of [
      bytes,
      table.bytes.subarray(0, 63),
      Buffer.concat([table.bytes, Buffer.of(0)]),
      Buffer.alloc(0),
    ]) {
      writeFileSync(tableFile(), damaged);
      assert.equal(companions.table(entry()), 'damaged');
    }
  });

  test('that is right and not one for this blob is damaged', () => {
    assert.equal(companions.table({ ...entry(), size: 3 * pieceSize }), 'damaged');
    assert.equal(companions.table(entry({ size: 2 ** 21 })), 'damaged');
  });

  test('that is a directory is damaged, and a FIFO returns at once', () => {
    const other = digestOf('directory');
    mkdirSync(join(companions.chunks, digestHex(other)));
    assert.equal(companions.table(entry({ table: other })), 'damaged');
    const fifo = digestOf('fifo');
    makeFifo(join(companions.chunks, digestHex(fifo)));
    assert.equal(companions.table(entry({ table: fifo })), 'damaged');
  });

  test('that is damaged is written anew, and one that is sound is left alone', () => {
    writeFileSync(tableFile(), 'x');
    assert.equal(companions.putTable(table), digest);
    assert.deepEqual(plain(companions.table(entry())), plain(table));
    assert.deepEqual(readdirSync(companions.chunks), [digestHex(digest)]);
  });
});

describe('a manifest', () => {
  test('lies beside the list with its exact bytes', () => {
    const bytes = Buffer.from('{"exact": "bytes"}\n');
    const name = companions.putManifest(bytes);
    assert.deepEqual(Buffer.from(companions.manifest(name) as Uint8Array), bytes);
    assert.equal(companions.manifest(digestOf('other')), 'missing');
    writeFileSync(join(companions.manifests, digestHex(name)), 'other bytes');
    assert.equal(companions.manifest(name), 'damaged');
  });
});
