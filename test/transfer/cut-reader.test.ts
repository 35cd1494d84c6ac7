import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ByteSource, PipeSource } from '../../src/archive/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { HashPool } from '../../src/hash/index.ts';
import { bytesOf, MemorySource } from '../fixtures/archive-bytes.ts';
import { ArchiveSite, addedFile } from '../fixtures/archive-site.ts';
import { eachTurn } from '../fixtures/in-flight.ts';
import { ReceivingSide } from '../fixtures/receiving-side.ts';
import { ReceivingStore } from '../fixtures/receiving-store.ts';
import { SeededRandom } from '../fixtures/seeded-random.ts';
import { blobNames } from '../fixtures/whole-blobs.ts';

/** Together with those of the writer (350) and of the medium (300): a thousand cuts. */
const cuts = { import: 200, install: 150 } as const;
const seed = 31_415_926;

const ways = ['ends', 'ends in a pipe', 'fails', 'fails in a pipe', 'is stopped'] as const;

async function* piped(bytes: Buffer, failing: boolean): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
  if (failing) throw new Error('the line went dead');
}

/** An archive whose reading goes wrong after so many bytes. */
function cutSource(
  whole: Buffer,
  at: number,
  way: (typeof ways)[number],
): {
  readonly source: ByteSource;
  readonly signal: AbortSignal;
  readonly rightly: (error: unknown) => boolean;
} {
  const stop = new AbortController();
  const code = (wanted: string) => (error: unknown) => error instanceof KnownError && error.code === wanted;
  const signal = stop.signal;
  const failed = () => new KnownError('ARCHIVE_UNREADABLE', { path: 'models.tar', problem: 'EIO' });
  const unlessBefore = (act: () => void) => (end: number) => {
    if (end > at) act();
  };
  switch (way) {
    case 'ends':
      return { source: new MemorySource(whole.subarray(0, at)), signal, rightly: code('ARCHIVE_TRUNCATED') };
    case 'ends in a pipe':
      return {
        source: new PipeSource(piped(whole.subarray(0, at), false)),
        ...{ signal, rightly: code('ARCHIVE_TRUNCATED') },
      };
    case 'fails in a pipe':
      return {
        source: new PipeSource(piped(whole.subarray(0, at), true)),
        ...{ signal, rightly: code('ARCHIVE_UNREADABLE') },
      };
    case 'fails': {
      const fail = unlessBefore(() => {
        throw failed();
      });
      return { source: new MemorySource(whole, fail), signal, rightly: code('ARCHIVE_UNREADABLE') };
    }
    default: {
      const reason = new Error('stopped');
      const source = new MemorySource(
        whole,
        unlessBefore(() => stop.abort(reason)),
      );
      return { source, signal, rightly: (error) => error === reason };
    }
  }
}

describe('a reader that is cut', () => {
  let site: ArchiveSite;
  let whole: Buffer;
  const pool = new HashPool({ threads: 1, maxRate: undefined });
  before(async () => {
    site = new ArchiveSite();
    const added = [addedFile(site, 'bom/first.cdx.json', Buffer.from('{"bomFormat":"CycloneDX"}'))];
    whole = await bytesOf(await site.plan({ added }));
  });
  after(async () => {
    await pool.close();
    site[Symbol.dispose]();
  });

  /** Where and how the cut number so and so is made; the last two blocks are the end of the tar. */
  function cutOf(turn: number, offset: number) {
    const random = new SeededRandom(seed + offset + turn);
    const way = ways[turn % ways.length] ?? 'ends';
    // What is stopped is stopped while there is something to read.
    const at = random.below(way === 'is stopped' ? whole.length - 75_000 : whole.length);
    const why = `seed ${seed + offset + turn}: the archive ${way} after ${at} bytes`;
    return { ...cutSource(whole, at, way), why };
  }

  test(`${cuts.import} times on its way into a mirror: nothing is let in, and the same import then ends as an uncut one`, async () => {
    using uncut = new ReceivingSide(site.signer);
    await uncut.import(new MemorySource(whole));
    const { end } = uncut;
    assert.equal(end.models.length, 2);
    await eachTurn(cuts.import, async (turn) => {
      const { source, signal, rightly, why } = cutOf(turn, 0);
      using side = new ReceivingSide(site.signer);
      const nothing = side.visible;
      await assert.rejects(side.import(source, {}, signal), rightly, why);
      assert.deepEqual(side.visible, nothing, why);
      assert.deepEqual(
        [side.kept.finished, side.kept.boms.size, side.kept.closed <= 1],
        [false, 0, true],
        why,
      );
      const before = blobNames(side.data);
      side.received.length = 0;
      await side.import(new MemorySource(whole));
      assert.deepEqual(side.end, end, why);
      assert.ok(side.kept.finished && side.kept.boms.size === 1, why);
      const again = side.received.filter((digest) => before.includes(digest.slice('sha256:'.length)));
      assert.deepEqual(again, [], `${why}: received twice`);
    });
  });

  test(`${cuts.install} times on its way into a store: the store is as it was, and the same installation then ends as an uncut one`, async () => {
    using uncut = new ReceivingStore(site.signer, pool);
    await uncut.install(new MemorySource(whole));
    const end = uncut.visible;
    assert.equal(end.length, 8, end.join('\n'));
    await eachTurn(cuts.install, async (turn) => {
      const { source, signal, rightly, why } = cutOf(turn, 1000);
      using store = new ReceivingStore(site.signer, pool);
      await assert.rejects(store.install(source, {}, { signal }), rightly, why);
      assert.deepEqual(store.visible, [], why);
      const before = store.waiting;
      store.received.length = 0;
      await store.install(new MemorySource(whole));
      assert.deepEqual(store.visible, end, why);
      assert.deepEqual(store.waiting, [], why);
      const again = store.received.filter((digest) => before.includes(digest));
      assert.deepEqual(again, [], `${why}: received twice`);
    });
  });
});
