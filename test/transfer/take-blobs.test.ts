import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { defaultPieceSize } from '../../src/hash/index.ts';
import { baseOfArchive, planTaking } from '../../src/transfer/index.ts';
import { bytesOf, MemorySource } from '../fixtures/archive-bytes.ts';
import { ArchiveSite, carriedModel } from '../fixtures/archive-site.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { ReceivingSide } from '../fixtures/receiving-side.ts';
import { refusedWith } from '../fixtures/refused-with.ts';
import { blobNames } from '../fixtures/whole-blobs.ts';

describe('what is taken of an archive', () => {
  let site: ArchiveSite;
  let whole: Buffer;
  before(async () => {
    site = new ArchiveSite();
    whole = await bytesOf(await site.plan());
  });
  after(() => site[Symbol.dispose]());

  test('is what is not here yet; the rest is passed over without being read', async () => {
    using side = new ReceivingSide(site.signer);
    await side.import(
      new MemorySource(await bytesOf(await site.plan({ models: site.models.slice(0, 1), list: 'none' }))),
      {
        ...{ own: undefined, policy: 'observe' },
      },
    );
    side.received.length = 0;
    let read = 0;
    const source = new MemorySource(whole);
    const fill = source.fill.bind(source);
    source.fill = (buffer) => {
      read += buffer.length;
      return fill(buffer);
    };
    const outcome = await side.import(source);
    assert.deepEqual([outcome.blobs, outcome.taken], [{ taken: 1, here: 3 }, 70_001]);
    assert.equal(side.received.length, 1);
    assert.ok(read < whole.length - 85_000, `${read} bytes`);
    assert.deepEqual(
      outcome.models.map(({ known }) => known),
      [true, false],
    );
  });

  test('too little room is said before the first byte', async () => {
    using side = new ReceivingSide(site.signer, {
      maxData: undefined,
      freeIn: async () => 64 * 2 ** 20 + 160_000,
    });
    await assert.rejects(side.import(new MemorySource(whole)), refusedWith('STORAGE_FULL'));
    assert.deepEqual([side.received, blobNames(side.data)], [[], []]);
    using limited = new ReceivingSide(site.signer, { maxData: 100_000 });
    await assert.rejects(limited.import(new MemorySource(whole)), refusedWith('STORAGE_FULL'));
    assert.deepEqual(limited.received, []);
    using enough = new ReceivingSide(site.signer, {
      maxData: undefined,
      freeIn: async () => 64 * 2 ** 20 + 161_000,
    });
    await enough.import(new MemorySource(whole));
  });

  test('what is left out and is not here is said before the first byte', async () => {
    const first = await site.plan({ models: site.models.slice(0, 1) });
    const delta = await bytesOf(await site.plan({ base: baseOfArchive(first.id, first.index) }));
    using side = new ReceivingSide(site.signer);
    await assert.rejects(
      side.import(new MemorySource(delta)),
      refusedWith('ARCHIVE_BASE', '3 blobs that it leaves out are not here'),
    );
    assert.deepEqual(
      [side.received, side.visible.models, side.visible.list],
      [[], [], [undefined, undefined]],
    );
    await side.import(new MemorySource(await bytesOf(first)));
    await side.import(new MemorySource(delta));
    using uncut = new ReceivingSide(site.signer);
    await uncut.import(new MemorySource(whole));
    assert.deepEqual(side.end, uncut.end);
  });

  test('two models that give one blob two sizes are refused', async () => {
    const right = carriedModel('registry.ollama.ai/library/a:latest', { model: Buffer.from('weights') });
    const { manifest } = right.checked;
    const layers = manifest.layers.map((layer) => ({ ...layer, size: layer.size + 1 }));
    const wrong = { ...right.checked, manifest: { ...manifest, layers } };
    using two = new ArchiveSite({ models: [right] });
    using side = new ReceivingSide(two.signer);
    const { index } = await two.plan();
    const target = { blobs: side.blobs, has: async () => false, ensureRoom: async () => {} };
    const welcome = [right.checked, wrong].map((one) => ({
      name: right.name,
      checked: one,
      approved: undefined,
    }));
    await assert.rejects(
      planTaking({ index }, welcome, target),
      refusedWith('ARCHIVE_MALFORMED', 'has another size there'),
    );
  });

  test('a large blob goes on at the piece where it was cut', { timeout: 60_000 }, async () => {
    const large = carriedModel('registry.ollama.ai/library/large:latest', {
      model: Buffer.from(patternedBytes(5 * defaultPieceSize + 777)),
    });
    using one = new ArchiveSite({ models: [large] });
    const bytes = await bytesOf(await one.plan());
    using side = new ReceivingSide(one.signer);
    const cut = bytes.subarray(0, Math.floor(bytes.length * 0.97));
    await assert.rejects(side.import(new MemorySource(cut)), refusedWith('ARCHIVE_TRUNCATED'));
    assert.deepEqual(side.visible.models, []);
    let read = 0;
    const source = new MemorySource(bytes);
    const fill = source.fill.bind(source);
    source.fill = (buffer) => {
      read += buffer.length;
      return fill(buffer);
    };
    await side.import(source);
    assert.deepEqual(side.visible.wrong, []);
    // Of the four pieces that came whole, three may have been on their way.
    assert.ok(read < bytes.length - defaultPieceSize, `${read} bytes read again`);
  });
});
