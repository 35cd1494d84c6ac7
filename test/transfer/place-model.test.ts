import assert from 'node:assert/strict';
import {
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { identityOf } from '../../src/files/index.ts';
import { HashPool } from '../../src/hash/index.ts';
import { prepareStore } from '../../src/installation/index.ts';
import type { Digest } from '../../src/oci/index.ts';
import { OllamaStore } from '../../src/store/index.ts';
import { forgetReceived, holdBlob, placeModel } from '../../src/transfer/place-model.ts';
import { ArchiveSite, type CarriedModel } from '../fixtures/archive-site.ts';
import { ReceivingStore } from '../fixtures/receiving-store.ts';
import { refusedWith } from '../fixtures/refused-with.ts';
import { manifestPathOf } from '../fixtures/sample-store.ts';

describe('putting a received model into a store', () => {
  let site: ArchiveSite;
  let model: CarriedModel;
  let target: ReceivingStore;
  const pool = new HashPool({ threads: 1, maxRate: undefined });
  before(() => {
    site = new ArchiveSite();
    const [first] = site.models;
    assert.ok(first);
    model = first;
  });
  after(async () => {
    await pool.close();
    site[Symbol.dispose]();
  });
  beforeEach(() => {
    target = new ReceivingStore(site.signer, pool);
    prepareStore(target.store);
    for (const [digest, bytes] of model.blobs) receive(digest, bytes);
  });
  afterEach(() => target[Symbol.dispose]());

  function receive(digest: Digest, bytes: Buffer): void {
    const place = target.work.blobs.placeOf(digest);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, bytes, { mode: 0o444 });
  }
  const digests = () => [...model.blobs.keys()];
  const inStore = (digest: Digest) => join(target.store, 'blobs', digest.replace(':', '-'));
  const isRight = (digest: Digest) =>
    existsSync(inStore(digest)) &&
    readFileSync(inStore(digest)).equals(model.blobs.get(digest) ?? Buffer.alloc(0));
  const manifest = () => manifestPathOf(target.store, model.full);

  /** @param meanwhile done each time the clock is asked: before each blob is made new */
  async function place(
    more: { sound?: Digest[]; inPlace?: boolean } = {},
    meanwhile: (turn: number) => void = () => {},
  ) {
    let turn = 0;
    const store = OllamaStore.open(target.store, [], () => {});
    try {
      const { sound = digests().filter(isRight), inPlace = false } = more;
      return await placeModel(
        { name: model.name, checked: model.checked, approved: undefined },
        { store, work: target.work, sound: new Set(sound), inPlace },
        {
          now: () => {
            meanwhile(turn);
            turn += 1;
            return target.now;
          },
          wait: async (ms) => {
            target.waited.push(ms);
          },
          signal: new AbortController().signal,
        },
      );
    } finally {
      store[Symbol.dispose]();
    }
  }
  const isWhole = () => {
    for (const [digest, bytes] of model.blobs) assert.ok(readFileSync(inStore(digest)).equals(bytes), digest);
    assert.deepEqual(readFileSync(manifest()), model.checked.bytes);
  };

  test('blobs look new, have the modes of the store, and nothing is left of their copies', async () => {
    assert.deepEqual(await place(), []);
    isWhole();
    for (const digest of digests()) await forgetReceived(target.work, digest);
    for (const digest of digests()) {
      const { mode, mtime, nlink } = statSync(inStore(digest));
      assert.deepEqual([mode & 0o777, mtime, nlink], [0o644, target.now, 1]);
    }
    assert.deepEqual(target.waiting, []);
  });

  test('what the clean-up takes between blob and manifest is put back, up to twice', async () => {
    let taken = 0;
    await place({}, (turn) => {
      // The blob before this one was placed, and no manifest names it yet.
      const [first] = digests().filter((digest) => existsSync(inStore(digest)));
      if (first === undefined || turn === 0 || taken > 1) return;
      rmSync(inStore(first));
      taken += 1;
    });
    assert.ok(taken > 0);
    isWhole();
  });

  test('where something takes its blobs again and again, it is told', async () => {
    const taking = place({}, () => {
      for (const digest of digests()) rmSync(inStore(digest), { force: true });
    });
    await assert.rejects(taking, refusedWith('INSTALL_BLOCKED', 'something removes its blobs again'));
  });

  test('a blob that lay in the store and vanished before its turn is told', async () => {
    const [first] = digests();
    assert.ok(first);
    await target.work.blobs.remove(first);
    await assert.rejects(
      place({ sound: [first] }),
      refusedWith('INSTALL_BLOCKED', 'something removed one of its blobs meanwhile'),
    );
    assert.equal(existsSync(manifest()), false);
    receive(first, model.blobs.get(first) ?? Buffer.alloc(0));
    await place();
    isWhole();
  });

  test('a download that is going on is waited for, a minute at most; an old one is none', async () => {
    const [first] = digests();
    assert.ok(first);
    const partial = `${inStore(first)}-partial`;
    writeFileSync(partial, 'x');
    utimesSync(partial, target.now, target.now);
    await assert.rejects(
      place(),
      refusedWith('INSTALL_BLOCKED', 'Ollama is downloading one of its blobs now'),
    );
    assert.equal(
      target.waited.reduce((sum, ms) => sum + ms, 0),
      60_000,
    );
    assert.equal(existsSync(manifest()), false);
    const old = new Date(target.now.getTime() - 61_000);
    utimesSync(partial, old, old);
    await place();
    isWhole();
  });

  test('what was read in the store is kept beside it; another file under its name is not, nor is a link', () => {
    const [digest = '' as Digest] = digests();
    const copy = `${target.work.blobs.placeOf(digest)}.kept`;
    writeFileSync(inStore(digest), 'read');
    const old = new Date(target.now.getTime() - 3_600_000);
    utimesSync(inStore(digest), old, old);
    const file = identityOf(statSync(inStore(digest), { bigint: true }));
    const hold = () => {
      using store = OllamaStore.open(target.store, [], () => {});
      assert.equal(holdBlob(store, target.work, { digest, file }, target.now), true);
    };
    hold();
    assert.equal(readFileSync(copy, 'utf8'), 'read');
    renameSync(inStore(digest), join(target.folder, 'was'));
    for (const swap of [
      () => writeFileSync(inStore(digest), 'swap'),
      () => symlinkSync('/etc/passwd', inStore(digest)),
    ]) {
      swap();
      lutimesSync(inStore(digest), old, old);
      hold();
      assert.equal(existsSync(copy), false);
      rmSync(inStore(digest));
    }
  });

  test('what is replaced is kept: an altered blob, another manifest', async () => {
    const [first] = digests();
    assert.ok(first);
    writeFileSync(inStore(first), 'altered');
    mkdirSync(dirname(manifest()), { recursive: true });
    writeFileSync(manifest(), '{"old":1}');
    const kept = await place();
    assert.deepEqual(kept.map((path) => readFileSync(path, 'utf8')).sort(), ['altered', '{"old":1}']);
    isWhole();
    assert.ok(readdirSync(join(`${target.store}.verify-models`, 'quarantine')).length >= 4);
  });

  test('what lies there and is right is left alone', async () => {
    await place();
    const before = digests().map((digest) => statSync(inStore(digest)).ino);
    assert.deepEqual(await place({ sound: digests(), inPlace: true }), []);
    assert.deepEqual(
      digests().map((digest) => statSync(inStore(digest)).ino),
      before,
    );
  });
});
