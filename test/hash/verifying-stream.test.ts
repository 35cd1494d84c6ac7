import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ChunkTableBuilder, VerifyingStream } from '../../src/hash/index.ts';
import { type Digest, digestFromBytes } from '../../src/oci/index.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';

const digestOf = (bytes: Uint8Array): Digest => digestFromBytes(createHash('sha256').update(bytes).digest());

/** Bytes cut into parts, some of them empty. */
const cutBytes = (maxLength: number) =>
  fc.tuple(fc.uint8Array({ maxLength }), fc.array(fc.nat(maxLength), { maxLength: 8 })).map(([bytes, at]) => {
    const cuts = [0, ...at.filter((cut) => cut <= bytes.length).sort((a, b) => a - b), bytes.length];
    const parts = cuts.slice(1).map((to, index) => Buffer.from(bytes.subarray(cuts[index], to)));
    return { bytes: Buffer.from(bytes), parts };
  });

/** Sends parts through, and gives what came out at the other side. */
async function send(stream: VerifyingStream, parts: readonly Buffer[]): Promise<Buffer> {
  const passed: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      passed.push(chunk);
      done();
    },
  });
  try {
    await pipeline(Readable.from(parts), stream, sink);
  } catch (error) {
    throw Object.assign(error instanceof Error ? error : new Error(String(error)), {
      passed: Buffer.concat(passed),
    });
  }
  return Buffer.concat(passed);
}

const notYet = { code: 'STREAM_UNFINISHED' };

describe('the verifying stream', () => {
  test('passes right bytes on unchanged, wherever they are cut, and then says that they are verified', async () => {
    await fc.assert(
      fc.asyncProperty(cutBytes(300), async ({ bytes, parts }) => {
        const stream = new VerifyingStream({ size: bytes.length, digest: digestOf(bytes) });
        assert.throws(() => stream.verified(), notYet);
        assert.deepEqual(await send(stream, parts), bytes);
        assert.equal(stream.verified(), undefined);
      }),
    );
  });

  test('refuses one byte too many as soon as it comes, and does not pass it on', async () => {
    await fc.assert(
      fc.asyncProperty(cutBytes(300), fc.integer({ min: 1, max: 50 }), async ({ bytes, parts }, more) => {
        const size = Math.max(0, bytes.length - more);
        fc.pre(size < bytes.length);
        const stream = new VerifyingStream({ size, digest: digestOf(bytes.subarray(0, size)) });
        await assert.rejects(send(stream, parts), (error: Error & { code?: string; passed?: Buffer }) => {
          assert.equal(error.code, 'STREAM_TRAILING');
          assert.equal(error.message, `the stream goes on after its ${size} bytes`);
          const passed = error.passed ?? Buffer.alloc(0);
          assert.ok(passed.length <= size && bytes.subarray(0, passed.length).equals(passed));
          return true;
        });
        assert.throws(() => stream.verified(), notYet);
      }),
    );
  });

  test('refuses bytes that end too early', async () => {
    await fc.assert(
      fc.asyncProperty(cutBytes(300), fc.integer({ min: 1, max: 50 }), async ({ bytes, parts }, missing) => {
        const size = bytes.length + missing;
        const stream = new VerifyingStream({ size, digest: digestOf(bytes) });
        const facts = { actual: bytes.length, expected: size };
        await assert.rejects(send(stream, parts), { code: 'STREAM_TOO_SHORT', facts });
        assert.throws(() => stream.verified(), { ...notYet, facts });
      }),
    );
  });

  test('refuses any single changed bit', async () => {
    await fc.assert(
      fc.asyncProperty(cutBytes(100), fc.nat(), async ({ bytes, parts }, place) => {
        fc.pre(bytes.length > 0);
        const right = Buffer.from(bytes);
        const at = (place >>> 3) % right.length;
        right[at] = (right[at] ?? 0) ^ (1 << (place & 7));
        const expected = digestOf(right);
        const stream = new VerifyingStream({ size: bytes.length, digest: expected });
        const facts = { actual: digestOf(bytes), expected };
        await assert.rejects(send(stream, parts), { code: 'STREAM_DIGEST', facts });
        assert.throws(() => stream.verified(), notYet);
      }),
    );
  });

  test('has no verdict while the end is open, although every byte was seen', () => {
    const bytes = patternedBytes(10);
    const stream = new VerifyingStream({ size: 10, digest: digestOf(bytes) });
    stream.write(bytes);
    assert.throws(() => stream.verified(), { ...notYet, facts: { actual: 10, expected: 10 } });
    stream.destroy();
    assert.throws(() => stream.verified(), notYet);
  });

  test('has no verdict when it was cut off half way', async () => {
    const bytes = patternedBytes(10);
    const stream = new VerifyingStream({ size: 10, digest: digestOf(bytes) });
    const source = Readable.from(
      (function* () {
        yield bytes.subarray(0, 5);
        throw new Error('connection reset');
      })(),
    );
    await assert.rejects(pipeline(source, stream, new Writable({ write: (_c, _e, done) => done() })), {
      message: 'connection reset',
    });
    assert.throws(() => stream.verified(), notYet);
  });

  test('collects the chunk table on the way', async () => {
    const bytes = patternedBytes(2 ** 21 + 3);
    const pieceSize = 2 ** 20;
    const stream = new VerifyingStream({ size: bytes.length, digest: digestOf(bytes), pieceSize });
    await send(stream, [
      bytes.subarray(0, 700_001),
      bytes.subarray(700_001, 2 ** 21),
      bytes.subarray(2 ** 21),
    ]);
    const builder = new ChunkTableBuilder(pieceSize);
    builder.update(bytes);
    assert.deepEqual(stream.verified(), builder.finish());
    assert.deepEqual(stream.verified(), stream.verified(), 'the verdict can be asked for twice');
  });

  test('refuses a piece size that no table may have, before the first byte', () => {
    const options = { size: 1, digest: digestOf(Buffer.alloc(1)), pieceSize: 1000 };
    assert.throws(() => new VerifyingStream(options), { code: 'CHUNK_TABLE_MALFORMED' });
  });
});
