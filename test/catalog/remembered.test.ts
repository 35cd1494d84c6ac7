import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Catalog } from '../../src/catalog/index.ts';
import { Remembered } from '../../src/catalog/remembered.ts';
import { parseModelName } from '../../src/oci/index.ts';
import { digestOf } from '../fixtures/listed-models.ts';

describe('answers that are kept', () => {
  test('until this process or another one changes something', async () => {
    let version = 1;
    let asked = 0;
    const remembered = new Remembered(() => version);
    const get = () =>
      remembered.get('x', async () => {
        asked += 1;
        return asked;
      });
    assert.deepEqual([await get(), await get()], [1, 1]);
    version = 2;
    assert.deepEqual([await get(), await get()], [2, 2]);
    remembered.forget();
    assert.deepEqual([await get(), await get()], [3, 3]);
  });

  test('but not what was asked before a change and answered after it', async () => {
    const remembered = new Remembered(() => 1);
    const { promise, resolve } = Promise.withResolvers<string>();
    const first = remembered.get('x', () => promise);
    remembered.forget();
    resolve('old');
    assert.equal(await first, 'old');
    assert.equal(await remembered.get('x', async () => 'new'), 'new');
  });

  test('in a catalog that another process changes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vm-'));
    const path = join(folder, 'catalog.sqlite');
    const now = () => new Date('2026-11-23T12:00:00Z');
    const [one, two] = [await Catalog.open(path, now), await Catalog.open(path, now)];
    try {
      const name = parseModelName('tiny');
      const digest = digestOf('{}');
      assert.equal(await one.find(name), undefined);
      assert.equal(await one.namesBlob(digest), false);
      await two.change((change) =>
        change.admit({
          ...{ name, digest, mediaType: 'x', bytes: Buffer.from('{}'), blobs: [{ digest, size: 2 }] },
          ...{ source: 'x', listDigest: undefined, listVersion: undefined },
        }),
      );
      assert.equal((await one.find(name))?.digest, digest);
      assert.equal(await one.namesBlob(digest), true);
    } finally {
      await one.close();
      await two.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
