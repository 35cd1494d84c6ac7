import assert from 'node:assert/strict';
import { closeSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseDigest } from '../../src/oci/index.ts';
import { BlobTable, OllamaStore, openBlob } from '../../src/store/index.ts';
import { openDescriptors } from '../fixtures/process-counts.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

const digest = parseDigest(sha256(Buffer.from('bytes')));

let scratch: ScratchStore;
let table: BlobTable;
beforeEach(() => {
  scratch = new ScratchStore();
  table = new BlobTable();
});
afterEach(() => scratch.remove());

/** What is read of the one blob of the table; no descriptor stays open, whatever happens. */
function read(followInto: readonly string[] = [], prepare: () => void = () => {}): string {
  const before = openDescriptors();
  try {
    using store = OllamaStore.open(scratch.path, followInto, () => {});
    prepare();
    const fd = openBlob(store, table, 0);
    try {
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  } finally {
    assert.equal(openDescriptors(), before);
  }
}

describe('opening a blob', () => {
  test('takes the file under its name, or under the old name with a colon', () => {
    writeFileSync(scratch.at('blobs', digest), 'old');
    table.add({ digest, size: 3, link: false, colon: true });
    assert.equal(read(), 'old');
    table = new BlobTable();
    writeFileSync(scratch.blob(digest), 'bytes');
    table.add({ digest, size: 5, link: false, colon: false });
    assert.equal(read(), 'bytes');
  });

  test('refuses a link where there was a file', () => {
    table.add({ digest, size: 5, link: false, colon: false });
    writeFileSync(scratch.at('other'), 'other');
    symlinkSync(scratch.at('other'), scratch.blob(digest));
    assert.throws(() => read(), { code: 'FILE_CHANGED', facts: { problem: 'a link was put in its place' } });
    rmSync(scratch.blob(digest));
    assert.throws(() => read(), { code: 'ENOENT' });
  });

  test('follows a link to where links may lead, and nowhere else', () => {
    table.add({ digest, size: 5, link: true, colon: false });
    mkdirSync(scratch.beside('big'));
    writeFileSync(scratch.beside('big/file'), 'bytes');
    symlinkSync(scratch.beside('big/file'), scratch.blob(digest));
    assert.equal(read([scratch.beside('big')]), 'bytes');
    const elsewhere = { code: 'FILE_CHANGED', facts: { problem: 'its link leads elsewhere now' } };
    assert.throws(() => read(), elsewhere);
    rmSync(scratch.blob(digest));
    assert.throws(() => read(), elsewhere);
    mkdirSync(scratch.blob(digest));
    assert.throws(() => read(), { code: 'FILE_CHANGED' });
  });

  test('in a blobs/ that is not there says so', () => {
    table.add({ digest, size: 5, link: false, colon: false });
    rmSync(scratch.at('blobs'), { recursive: true });
    assert.throws(() => read(), { code: 'FILE_CHANGED', facts: { problem: 'blobs/ is gone' } });
  });

  test('in a blobs/ that was moved away since reads what was opened', () => {
    table.add({ digest, size: 5, link: false, colon: false });
    writeFileSync(scratch.blob(digest), 'bytes');
    const swap = () => {
      renameSync(scratch.at('blobs'), scratch.beside('moved'));
      mkdirSync(scratch.at('blobs'));
      writeFileSync(scratch.blob(digest), 'other');
    };
    let text: string | undefined;
    try {
      text = read([], swap);
    } catch (error) {
      assert.match(String(error), /moved/, 'without /proc it is refused');
    }
    assert.notEqual(text, 'other');
  });
});
