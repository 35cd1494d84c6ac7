import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { CatalogRecords } from '../../src/admission/index.ts';
import { Catalog } from '../../src/catalog/index.ts';
import { carriedModel } from '../fixtures/archive-site.ts';
import { inMemory } from '../fixtures/scratch-store.ts';

test('what is asked again and again is prepared once, however many models come in', async (t) => {
  const folder = mkdtempSync(join(inMemory(), 'vm-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const prepare = t.mock.method(Database.prototype, 'prepare');
  const now = () => new Date();
  const catalog = await Catalog.open(join(folder, 'catalog.sqlite'), now);
  const records = new CatalogRecords(catalog, now);
  const admit = async (number: number) => {
    const { name, checked, blobs } = carriedModel(`registry.ollama.ai/library/model-${number}:latest`, {
      model: Buffer.from(`weights ${number}`),
    });
    await records.admit({
      ...{ name, digest: checked.digest, mediaType: checked.mediaType, bytes: checked.bytes },
      blobs: [...blobs].map(([digest, { length }]) => ({ digest, size: length })),
      ...{ source: 'test', listDigest: undefined, listVersion: undefined },
    });
    assert.equal((await records.find(name))?.digest, checked.digest);
  };
  for (const number of [1, 2]) await admit(number);
  const before = prepare.mock.callCount();
  for (let number = 3; number < 20; number += 1) await admit(number);
  await catalog.close();
  assert.equal(prepare.mock.callCount(), before);
});
