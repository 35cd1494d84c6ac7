import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, closeSync, openSync, statSync, truncateSync, utimesSync, writeSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { readLength } from '../../src/hash/read-through.ts';
import { type HashTask, runTask } from '../../src/hash/tasks.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { openDescriptors } from '../fixtures/process-counts.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';
import { readingContext } from './reading-context.ts';

const files = new ScratchFiles();
after(() => files.remove());

const bytes = patternedBytes(3 * readLength + 11);
const kinds = ['whole', 'again'] as const;
const when = { whole: 'while it was read', again: 'while it was read again' } as const;

/** A file whose times lie in the past: whatever is done to it moves them. */
function oldFile(): string {
  const path = files.write(bytes);
  utimesSync(path, 1000, 1000);
  return path;
}

function overwrite(path: string, position: number): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, 'X', position);
  closeSync(fd);
}

/** Runs a task on a file to which `change` is done between the first read and the second. */
function runOnChanging(kind: 'whole' | 'again', change: (path: string) => void) {
  const path = oldFile();
  const context = readingContext((read) => {
    if (read === 2) change(path);
  });
  return runTask({ kind, fd: files.open(path) }, context);
}

const changed = (field: string, kind: 'whole' | 'again') => ({
  code: 'FILE_CHANGED',
  facts: { problem: `its ${field} moved ${when[kind]}` },
});

for (const kind of kinds) {
  describe(`a file that changes while it is read (${kind})`, () => {
    test('by a longer end', () => {
      assert.throws(() => runOnChanging(kind, (path) => appendFileSync(path, 'x')), changed('size', kind));
    });

    test('by a shorter end', () => {
      assert.throws(
        () => runOnChanging(kind, (path) => truncateSync(path, readLength)),
        changed('size', kind),
      );
    });

    test('by a byte that was read already, or not yet', () => {
      for (const position of [0, bytes.length - 1]) {
        assert.throws(
          () => runOnChanging(kind, (path) => overwrite(path, position)),
          changed('mtimeNs', kind),
        );
      }
    });

    test('by a byte, when the time of change was set back afterwards', () => {
      const inSecret = (path: string) => {
        const before = statSync(path, { bigint: true }).ctimeNs;
        // The clock of a file system moves in steps of some milliseconds.
        while (statSync(path, { bigint: true }).ctimeNs === before) {
          overwrite(path, 0);
          utimesSync(path, 1000, 1000);
        }
      };
      assert.throws(() => runOnChanging(kind, inSecret), changed('ctimeNs', kind));
    });

    test('without end: it is not followed', { timeout: 20_000 }, () => {
      const path = oldFile();
      const context = readingContext(() => appendFileSync(path, bytes));
      assert.throws(() => runTask({ kind, fd: files.open(path) }, context), changed('size', kind));
      assert.equal(context.control.counted(0), bytes.length);
    });
  });
}

describe('a task in a thread', () => {
  test('gives digest and size of a whole file, and no table that was not asked for', () => {
    assert.deepEqual(runTask({ kind: 'whole', fd: files.holding(bytes) }, readingContext()), {
      kind: 'whole',
      sha256: createHash('sha256').update(bytes).digest(),
      size: bytes.length,
      table: undefined,
    });
  });

  test('ends with CANCELLED, whatever its kind', () => {
    const fd = files.holding(bytes);
    const next = new Int32Array(new SharedArrayBuffer(4));
    const pieces = { kind: 'pieces', fd, size: bytes.length, pieceSize: 2 ** 20, next } as const;
    const tasks: HashTask[] = [
      { kind: 'whole', fd },
      { kind: 'again', fd },
      { ...pieces, expected: new Uint8Array(64) },
    ];
    for (const task of tasks) {
      const context = readingContext((_, control) => control.cancel());
      const before = openDescriptors();
      assert.throws(() => runTask(task, context), { code: 'CANCELLED' });
      assert.equal(openDescriptors(), before, 'the second descriptor is closed');
    }
  });

  test('takes the pieces that nobody has taken yet', () => {
    const fd = files.holding(bytes);
    const next = new Int32Array(new SharedArrayBuffer(4));
    next[0] = 1;
    const expected = new Uint8Array(64);
    const task: HashTask = { kind: 'pieces', fd, size: bytes.length, pieceSize: 2 ** 20, expected, next };
    const context = readingContext();
    assert.deepEqual(runTask(task, context), { kind: 'pieces', wrong: [1] });
    assert.equal(context.control.counted(0), bytes.length - 2 ** 20);
    assert.deepEqual(runTask(task, context), { kind: 'pieces', wrong: [] });
  });
});
