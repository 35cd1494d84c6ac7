import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { extract } from 'tar-stream';
import { type ArchiveSink, writeArchive } from '../../src/archive/index.ts';
import type { ExportPlan } from '../../src/transfer/index.ts';
import { bytesOf, MemorySink, never } from '../fixtures/archive-bytes.ts';
import { ArchiveSite } from '../fixtures/archive-site.ts';
import { refusedWith } from '../fixtures/refused-with.ts';

describe('writing an archive', () => {
  let site: ArchiveSite;
  let plan: ExportPlan;
  before(async () => {
    site = new ArchiveSite();
    plan = await site.plan();
  });
  after(() => site[Symbol.dispose]());

  const write = (sink: ArchiveSink, signal = never, progressed = (_: number) => {}) =>
    writeArchive(plan, sink, { signal, progressed });

  /** The plan with another opening of its last blob; what was opened and closed is counted. */
  async function withLast(change: { readonly size?: number; readonly spoil?: boolean }) {
    const counts = { opened: 0, closed: 0 };
    const blobs = {
      find: site.blobs.find.bind(site.blobs),
      async read(digest: Parameters<typeof site.blobs.read>[0]) {
        const other = change.spoil === true ? site.models[0]?.blobs.keys().next().value : undefined;
        const { size } = await site.blobs.read(digest).then(async (right) => {
          await right.close();
          return right;
        });
        const open = await site.blobs.read(other ?? digest);
        counts.opened += 1;
        const close = async () => {
          counts.closed += 1;
          await open.close();
        };
        return { ...open, size: change.size ?? size, close };
      },
    };
    return { spoiled: await site.plan({ blobs }), counts };
  }

  test('gives a tar that every reader reads, file by file as the index says', async () => {
    const found: string[] = [];
    const reader = extract();
    const reading = (async () => {
      for await (const entry of reader) {
        const hash = createHash('sha256');
        for await (const part of entry) hash.update(part as Uint8Array);
        found.push(`${entry.header.name} ${entry.header.size} sha256:${hash.digest('hex')}`);
      }
    })();
    reader.end(await bytesOf(plan));
    await reading;
    assert.deepEqual(
      found,
      plan.entries.map(({ name, size, digest }) => `${name} ${size} ${digest}`),
    );
  });

  test('tells how much is out, up to all of it', async () => {
    const told: number[] = [];
    await write(new MemorySink(), never, (bytes) => told.push(bytes));
    assert.deepEqual(
      told,
      told.toSorted((a, b) => a - b),
    );
    assert.equal(told.at(-1), plan.total);
  });

  test('a blob of another size, or whose file became shorter, ends it before it is finished', async () => {
    for (const change of [{ size: 10 }, { spoil: true }]) {
      const { spoiled, counts } = await withLast(change);
      let finished = false;
      const sink = new MemorySink();
      sink.finish = async () => {
        finished = true;
      };
      const writing = writeArchive(spoiled, sink, { signal: never, progressed: () => {} });
      await assert.rejects(writing, refusedWith('spoil' in change ? 'FILE_CHANGED' : 'BLOB_ROTTEN'));
      assert.equal(finished, false);
      assert.equal(counts.opened, counts.closed);
    }
  });

  test('is stopped by the signal, and closes what it had open', async () => {
    const { spoiled, counts } = await withLast({});
    const stop = new AbortController();
    const writing = writeArchive(spoiled, new MemorySink(), {
      signal: stop.signal,
      progressed: (bytes) => {
        if (bytes > 50_000) stop.abort(new Error('stopped'));
      },
    });
    await assert.rejects(writing, /^Error: stopped$/);
    assert.equal(counts.opened, counts.closed);
    await assert.rejects(write(new MemorySink(), AbortSignal.abort(new Error('before'))), /^Error: before$/);
  });

  test('what a sink says ends it, at every part', async () => {
    for (let at = 0; at < 30; at += 1) {
      const sink = new MemorySink();
      let parts = 0;
      sink.write = async () => {
        parts += 1;
        if (parts > at) throw new Error('full');
      };
      await assert.rejects(write(sink), /^Error: full$/);
    }
  });

  test('what a sink does not want is not read', async () => {
    const { spoiled, counts } = await withLast({ size: 1 });
    const sink = new MemorySink();
    sink.wants = () => false;
    await writeArchive(spoiled, sink, { signal: never, progressed: () => {} });
    assert.equal(counts.opened, 0);
    assert.equal(sink.bytes.length, spoiled.total);
  });
});
