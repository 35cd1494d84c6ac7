import assert from 'node:assert/strict';
import { closeSync, constants, existsSync, openSync, readFileSync, readSync, statfsSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import {
  openUncached,
  pageAlignedBuffer,
  readLength,
  readThrough,
  type Steps,
  toEnd,
} from '../../src/hash/read-through.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { openDescriptors } from '../fixtures/process-counts.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';
import { readingContext } from './reading-context.ts';

const files = new ScratchFiles();
after(() => files.remove());

/** Takes every step at once: nobody waits for a rate here. */
const readAll = (steps: Steps<number>): number => toEnd(steps, () => {});

const linuxOnly = process.platform === 'linux' ? false : 'needs Linux: O_DIRECT and /proc';

/** File systems that read from a block device: what O_DIRECT reads there, the kernel counts. */
const onBlockDevice = new Set([0xef53, 0x58465342]);
const blockDeviceOnly =
  linuxOnly ||
  (onBlockDevice.has(statfsSync(files.folder).type) && existsSync('/proc/self/io')
    ? false
    : 'needs ext4 or xfs as the temporary directory, and /proc/self/io');

describe('reading through a file', () => {
  const bytes = patternedBytes(3 * readLength + 7);
  const fd = files.holding(bytes);
  const buffer = pageAlignedBuffer();

  function read(from: number, to: number) {
    const parts: Buffer[] = [];
    const positions: number[] = [];
    const context = readingContext();
    const take = (part: Uint8Array, position: number) => {
      parts.push(Buffer.from(part));
      positions.push(position);
    };
    const got = readAll(readThrough(fd, buffer, context, take, from, to));
    return { got, bytes: Buffer.concat(parts), positions, counted: context.control.counted(0) };
  }

  test('gives the bytes of a range in order, and counts them', () => {
    for (const [from, to] of [
      [0, 0],
      [0, 1],
      [0, readLength - 1],
      [0, readLength],
      [0, readLength + 1],
      [readLength, 3 * readLength],
      [readLength - 1, readLength + 1],
      [2 * readLength, bytes.length],
    ] as const) {
      const result = read(from, to);
      assert.equal(result.got, to - from);
      assert.equal(result.counted, to - from);
      assert.ok(result.bytes.equals(bytes.subarray(from, to)), `${from}-${to}`);
    }
  });

  test('gives each part with its position', () => {
    assert.deepEqual(read(0, bytes.length).positions, [0, readLength, 2 * readLength, 3 * readLength]);
  });

  test('ends at the end of the file, and gives nothing beyond it', () => {
    const result = read(3 * readLength, 9 * readLength);
    assert.equal(result.got, 7);
    assert.ok(result.bytes.equals(bytes.subarray(3 * readLength)));
    assert.equal(read(4 * readLength, 5 * readLength).got, 0);
  });

  test('pays the rate for the bytes of the file, not for the room in the buffer', () => {
    const context = { ...readingContext(() => {}), maxRate: 1000, now: () => 0n };
    const small = files.holding(bytes.subarray(0, 100));
    readAll(readThrough(small, buffer, context, () => {}, 0, 100));
    // 100 bytes at 1000 a second are a tenth of a second, and nothing for finding the end.
    assert.equal(context.control.reserve(1000, 1000, context.now), 0n);
    assert.equal(context.control.reserve(1, 1000, context.now), 100_000_000n + 1_000_000_000n - 250_000_000n);
  });

  test('ends with CANCELLED before the next read', () => {
    const parts: number[] = [];
    // The cancel comes while the thread waits for its turn.
    const context = readingContext((number, control) => {
      if (number === 2) control.cancel();
    });
    const take = (part: Uint8Array) => parts.push(part.length);
    assert.throws(() => readAll(readThrough(fd, buffer, context, take, 0, bytes.length)), {
      code: 'CANCELLED',
    });
    assert.deepEqual(parts, [readLength]);
  });
});

describe('reading past the page cache', () => {
  const bytes = patternedBytes(2 * readLength + 513);
  const path = files.write(bytes);
  const fd = files.open(path);

  function systemTakesDirectReads(): boolean {
    try {
      const direct = openSync(path, constants.O_RDONLY | constants.O_DIRECT);
      try {
        return readSync(direct, pageAlignedBuffer(), 0, readLength, 0) === readLength;
      } finally {
        closeSync(direct);
      }
    } catch {
      return false;
    }
  }

  test('is had where the system has it', { skip: linuxOnly }, () => {
    const direct = openUncached(fd, pageAlignedBuffer());
    assert.equal(direct !== undefined, systemTakesDirectReads());
    if (direct !== undefined) closeSync(direct);
  });

  test('reads the device although the pages are in memory', { skip: blockDeviceOnly }, () => {
    const readFromDevice = () =>
      Number(/^read_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
    const buffer = pageAlignedBuffer();
    const direct = openUncached(fd, buffer);
    assert.ok(direct !== undefined);
    const before = readFromDevice();
    const parts: Buffer[] = [];
    const take = (part: Uint8Array) => parts.push(Buffer.from(part));
    readAll(readThrough(direct, buffer, readingContext(), take, 0, bytes.length));
    const after = readFromDevice();
    closeSync(direct);
    assert.ok(after - before >= bytes.length, `${after - before} bytes came from the device`);
    assert.ok(Buffer.concat(parts).equals(bytes));
  });

  test('is not had from a file system without it, and leaves no descriptor behind', {
    skip: linuxOnly,
  }, () => {
    const proc = files.open('/proc/version');
    const before = openDescriptors();
    assert.equal(openUncached(proc, pageAlignedBuffer()), undefined);
    assert.equal(openDescriptors(), before);
  });

  test('is given up when the first read is refused, and leaves no descriptor behind', {
    skip: blockDeviceOnly,
  }, () => {
    const unaligned = new Uint8Array(pageAlignedBuffer().buffer, 1, 4096);
    const before = openDescriptors();
    assert.equal(openUncached(fd, unaligned), undefined);
    assert.equal(openDescriptors(), before);
  });
});
