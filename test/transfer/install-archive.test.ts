import assert from 'node:assert/strict';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { KnownError } from '../../src/errors/index.ts';
import { HashPool } from '../../src/hash/index.ts';
import { bytesOf, MemorySource } from '../fixtures/archive-bytes.ts';
import { ArchiveSite, carriedModel } from '../fixtures/archive-site.ts';
import { ReceivingStore } from '../fixtures/receiving-store.ts';
import { refusedWith } from '../fixtures/refused-with.ts';
import { manifestPathOf } from '../fixtures/sample-store.ts';
import { treeState } from '../fixtures/tree-state.ts';

describe('models of an archive into a store', () => {
  let site: ArchiveSite;
  let whole: Buffer;
  let target: ReceivingStore;
  const pool = new HashPool({ threads: 1, maxRate: undefined });
  before(async () => {
    site = new ArchiveSite();
    whole = await bytesOf(await site.plan());
  });
  after(async () => {
    await pool.close();
    site[Symbol.dispose]();
  });
  beforeEach(() => {
    target = new ReceivingStore(site.signer, pool);
  });
  afterEach(() => target[Symbol.dispose]());

  test('the store is touched as its owner alone: nothing in it changes outside of that', async () => {
    let inside = 0;
    const seen: string[][] = [];
    const storeNow = () => treeState(target.folder).filter((line) => line.includes('/models'));
    await target.install(new MemorySource(whole), {
      async asOwner(work) {
        seen.push(storeNow());
        inside += 1;
        const result = await work();
        seen.push(storeNow());
        return result;
      },
    });
    // Looked at, received, what is there held, one for each of the models, and a last look.
    assert.equal(inside, 6);
    for (let at = 1; at + 1 < seen.length; at += 2) assert.deepEqual(seen[at], seen[at + 1]);
    assert.deepEqual(storeNow(), seen.at(-1));
    assert.equal(seen.at(0)?.length, 1);
  });

  test('a dry run changes nothing in the whole folder, and opens no place to work in', async () => {
    const before = treeState(target.folder);
    const outcome = await target.install(new MemorySource(whole), {
      dryRun: true,
      own: {
        ...target.own,
        openState: () => {
          throw new KnownError('STATE_UNUSABLE', { path: 'state', problem: 'a dry run remembers nothing' });
        },
      },
      work: () => {
        throw new Error('it would write');
      },
    });
    assert.deepEqual(treeState(target.folder), before);
    assert.equal(outcome.models.length, 2);
    assert.equal(outcome.taken, 160_058);
    assert.equal(outcome.renewal, undefined);
  });

  /** Blobs that no manifest names and that lie in the store for long: Ollama's clean-up takes them. */
  function addOrphans(): string[] {
    mkdirSync(join(target.store, 'blobs'));
    return site.models.flatMap(({ blobs }) =>
      [...blobs].map(([digest, bytes]) => {
        const path = join(target.store, 'blobs', digest.replace(':', '-'));
        writeFileSync(path, bytes);
        const old = new Date(target.now.getTime() - 2 * 60 * 60_000);
        utimesSync(path, old, old);
        return path;
      }),
    );
  }

  test('what a clean-up takes that began before a manifest was there is put back', async () => {
    const orphans = addOrphans();
    let waited = 0;
    const { models } = await target.install(
      new MemorySource(whole),
      {},
      {
        async wait() {
          waited += 1;
          if (waited === 2) for (const path of orphans) rmSync(path, { force: true });
        },
      },
    );
    assert.deepEqual(
      models.map(({ known }) => known),
      [false, false],
    );
    // Five looks in a row, after the one that found something missing.
    assert.equal(waited, 7);
    for (const path of orphans) assert.ok(existsSync(path), path);
    assert.deepEqual([target.received, target.waiting], [[], []]);
  });

  test('what a clean-up takes before its manifest is there is put back', async () => {
    const orphans = addOrphans();
    let turn = 0;
    await target.install(new MemorySource(whole), {
      asOwner(work) {
        turn += 1;
        // Looked at, received, held; now the first model is put in place.
        if (turn === 4) for (const path of orphans) rmSync(path, { force: true });
        return work();
      },
    });
    for (const path of orphans) assert.ok(existsSync(path), path);
    assert.deepEqual([target.received, target.waiting], [[], []]);
  });

  test('whatever the umask, the store can be read by everybody, and the place beside it by its owner alone', async () => {
    const umask = process.umask(0o077);
    try {
      await target.install(new MemorySource(whole));
    } finally {
      process.umask(umask);
    }
    const folders = ['models/manifests', 'models/manifests/registry.ollama.ai/library', 'models/blobs'];
    for (const path of folders) assert.equal(statSync(join(target.folder, path)).mode & 0o777, 0o755, path);
    assert.equal(statSync(`${target.store}.verify-models`).mode & 0o777, 0o700);
  });

  test('where nothing old lay in the store nothing is waited for', async () => {
    await target.install(new MemorySource(whole));
    await target.install(new MemorySource(whole));
    assert.deepEqual(target.waited, []);
  });

  for (const when of ['before the manifest', 'after it'] as const)
    test(`what a run left that was killed ${when} goes when the model is in place`, async () => {
      await target.install(new MemorySource(whole));
      const [model] = site.models;
      assert.ok(model);
      if (when === 'before the manifest') rmSync(manifestPathOf(target.store, model.full));
      for (const digest of model.blobs.keys()) {
        const received = target.work.blobs.placeOf(digest);
        const placed = join(target.store, 'blobs', digest.replace(':', '-'));
        linkSync(placed, `${received}.kept`);
        linkSync(placed, received);
      }
      assert.equal(target.waiting.length, 2 * model.blobs.size);
      await target.install(new MemorySource(whole));
      assert.deepEqual(target.waiting, []);
    });

  test('names that this system cannot store are refused before anything is written, and the others installed', async () => {
    using odd = new ArchiveSite({
      models: [
        carriedModel('mirror.corp:5000/library/nul:latest', { model: Buffer.from('x') }),
        ...site.models,
      ],
    });
    const outcome = await target.install(new MemorySource(await bytesOf(await odd.plan())), {
      platform: 'win32',
    });
    assert.deepEqual([outcome.models.length, outcome.refused.length], [2, 1]);
    assert.match(
      outcome.refused[0]?.sentence ?? '',
      /cannot be stored on this machine: mirror\.corp:5000 has a colon/,
    );
    assert.ok(target.visible.every((line) => !line.includes('mirror.corp')));
  });

  test('a sender who is not accepted ends it before anything else is read', async () => {
    const before = treeState(target.folder);
    const refusing = target.install(new MemorySource(whole.subarray(0, 4096)), {
      checkSender: () => {
        throw new KnownError('ARCHIVE_SENDER', { problem: 'nobody' });
      },
    });
    await assert.rejects(refusing, refusedWith('ARCHIVE_SENDER'));
    assert.deepEqual(treeState(target.folder), before);
  });

  test('observing, a tag of the store is not moved; by a list it is, and the old one is kept', async () => {
    const path = manifestPathOf(target.store, 'registry.ollama.ai/library/first:latest');
    mkdirSync(dirname(path), { recursive: true });
    const other = carriedModel('registry.ollama.ai/library/first:latest', { model: Buffer.from('other') });
    writeFileSync(path, other.checked.bytes);
    const observed = await target.install(new MemorySource(whole), {
      own: undefined,
      policy: 'observe',
      dryRun: true,
    });
    assert.match(
      observed.refused[0]?.sentence ?? '',
      /first:latest is here as \w{12}, and the archive has \w{12}/,
    );
    const { models } = await target.install(new MemorySource(whole));
    const [kept = ''] = models[0]?.kept ?? [];
    assert.equal(JSON.parse(readFileSync(`${kept}.json`, 'utf8')).reason, 'an archive brought first:latest');
  });
});
