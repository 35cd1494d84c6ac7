import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EntryPieces } from '../../src/archive/entry-pieces.ts';
import type { Range } from '../../src/upstream/index.ts';
import { MemorySource, never } from '../fixtures/archive-bytes.ts';
import { digestOf } from '../fixtures/blob-directory.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { refusedWith } from '../fixtures/refused-with.ts';
import { until } from '../fixtures/until.ts';

const bytes = Buffer.from(patternedBytes(1000));
const entry = { name: 'blobs/x', kind: 'blob', size: bytes.length, digest: digestOf(bytes) } as const;
const ranges = (from = 0, length = 100): Range[] =>
  Array.from({ length: Math.ceil((bytes.length - from) / length) }, (_, at) => {
    const start = from + at * length;
    return { start, end: Math.min(start + length, bytes.length) };
  });

describe('the content of a file of an archive', () => {
  test('comes in pieces, in order', async () => {
    const got: Buffer[] = [];
    await new EntryPieces(new MemorySource(bytes), entry).pieces(
      ranges(0, 300),
      async (range, piece) => {
        assert.equal(piece.length, range.end - range.start);
        got.push(Buffer.from(piece));
      },
      never,
    );
    assert.deepEqual(Buffer.concat(got), bytes);
  });

  test('is never in memory with more than three pieces at once', async () => {
    const held: (() => void)[] = [];
    const buffers = new Set<Buffer>();
    let [most, now] = [0, 0];
    const taking = new EntryPieces(new MemorySource(bytes), entry).pieces(
      ranges(),
      async (range, piece) => {
        now += 1;
        most = Math.max(most, now);
        buffers.add(piece);
        await new Promise<void>((resolve) => held.push(resolve));
        // Its memory is its own until it is done with it.
        assert.deepEqual(piece, bytes.subarray(range.start, range.end));
        now -= 1;
      },
      never,
    );
    for (let done = 0; done < 10; done += 1) {
      await until(() => held.length > 0);
      held.shift()?.();
    }
    await taking;
    assert.equal(most, 3);
    assert.ok(buffers.size <= 4, `${buffers.size} buffers`);
  });

  test('what was received before is passed over, and so is what nobody asked for', async () => {
    let read = 0;
    const source = new MemorySource(Buffer.concat([bytes, Buffer.from('next')]));
    const fill = source.fill.bind(source);
    source.fill = (buffer) => {
      read += buffer.length;
      return fill(buffer);
    };
    const pieces = new EntryPieces(source, entry);
    const got: number[] = [];
    await pieces.pieces([{ start: 700, end: 800 }], async ({ start }) => void got.push(start), never);
    await pieces.passRest();
    assert.deepEqual([got, read], [[700], 100]);
    const rest = Buffer.alloc(4);
    await source.fill(rest);
    assert.equal(rest.toString(), 'next');
  });

  test('ends with what a taker throws, when all takers are done', async () => {
    let [begun, done] = [0, 0];
    const taking = new EntryPieces(new MemorySource(bytes), entry).pieces(
      ranges(),
      async ({ start }) => {
        begun += 1;
        await Promise.resolve();
        done += 1;
        if (start === 200) throw new Error('the disk is full');
      },
      never,
    );
    await assert.rejects(taking, /^Error: the disk is full$/);
    assert.equal(begun, done);
    assert.ok(begun < 10, `${begun} pieces`);
  });

  test('that ends too soon is told, with what there was', async () => {
    for (const [wanted, where] of [
      [ranges(), 'after 450 of 1000 bytes'],
      [[{ start: 600, end: 700 }], 'after 450 of 1000 bytes'],
    ] as const) {
      const pieces = new EntryPieces(new MemorySource(bytes.subarray(0, 450)), entry);
      await assert.rejects(
        pieces.pieces(wanted, async () => {}, never),
        refusedWith('ARCHIVE_TRUNCATED', where),
      );
    }
  });

  test('is stopped by the signal, with its reason', async () => {
    const stop = new AbortController();
    const taken: number[] = [];
    const taking = new EntryPieces(new MemorySource(bytes), entry).pieces(
      ranges(),
      async ({ start }) => {
        taken.push(start);
        if (start === 300) stop.abort(new Error('stopped'));
      },
      stop.signal,
    );
    await assert.rejects(taking, /^Error: stopped$/);
    assert.deepEqual(taken, [0, 100, 200, 300]);
  });
});
