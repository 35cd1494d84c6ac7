import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, describe, test } from 'node:test';
import { ChunkTableBuilder, HashPool } from '../../src/hash/index.ts';
import { readLength } from '../../src/hash/read-through.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { runningThreads } from '../fixtures/process-counts.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';
import { until } from '../fixtures/until.ts';
import { broken, leaving, throwing } from './thread-programs.ts';

const files = new ScratchFiles();
after(() => files.remove());

const limited = { timeout: 20_000 };
const cancelled = { code: 'CANCELLED' };
const blob = patternedBytes(2 ** 21);

/** A byte a second: after its first read a thread sleeps for days. */
const almostStopped = { threads: 2, maxRate: 1 };

const codes = async (work: readonly Promise<unknown>[]): Promise<string[]> => {
  const outcomes = await Promise.allSettled(work);
  return outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'done' : String(outcome.reason.code)));
};

describe('a pool that is ended', () => {
  const ways = (['cancel', 'close'] as const).flatMap((end) =>
    [2, 0].map((threads) => [end, threads] as const),
  );
  for (const [end, threads] of ways) {
    test(
      `by ${end}(), with ${threads} threads, ends what runs and what waits, and takes nothing new`,
      limited,
      async () => {
        const pool = new HashPool({ ...almostStopped, threads });
        const fd = files.holding(blob);
        const work = Array.from({ length: 5 }, (_, number) => pool.digest(fd, `${number}`));
        work.push(pool.again(fd, 'again').then(() => assert.fail('it was read to the end')));
        const outcomes = codes(work);
        await until(() => pool.bytesRead >= readLength);
        await pool[end]();
        assert.deepEqual(await outcomes, Array(6).fill('CANCELLED'));
        assert.deepEqual(pool.activities(), []);
        await assert.rejects(pool.digest(fd, 'late'), cancelled);
        await pool.close();
        await pool.close();
      },
    );
  }

  test('before anything began starts no thread', async () => {
    const before = runningThreads();
    const pool = new HashPool({ threads: 2 });
    pool.cancel();
    await assert.rejects(pool.digest(files.holding(blob), 'x'), cancelled);
    assert.equal(runningThreads(), before);
    await pool.close();
  });
});

describe('a pool at work', () => {
  test('shows what each thread is at, and the bytes so far', limited, async () => {
    const pool = new HashPool(almostStopped);
    const fd = files.holding(blob);
    assert.deepEqual([pool.activities(), pool.bytesRead], [[], 0]);
    const outcomes = codes(['one', 'two', 'three'].map((label) => pool.digest(fd, label)));
    await until(() => pool.bytesRead >= readLength);
    assert.deepEqual(
      pool.activities().map(({ label }) => label),
      ['one', 'two'],
    );
    const shown = pool.activities().reduce((sum, { bytes }) => sum + bytes, 0);
    assert.equal(shown, pool.bytesRead);
    await pool.close();
    assert.deepEqual(await outcomes, Array(3).fill('CANCELLED'));
  });

  test(
    'puts all threads on one blob that has a chunk table, and no more than it has pieces',
    limited,
    async () => {
      for (const [pieces, expected] of [
        [1, 1],
        [2, 2],
        [4, 3],
      ] as const) {
        const pool = new HashPool({ threads: 3, maxRate: 1 });
        const builder = new ChunkTableBuilder(2 ** 20);
        const bytes = patternedBytes(pieces * 2 ** 20);
        builder.update(bytes);
        const verdict = codes([pool.verifyPieces(files.holding(bytes), 'x', builder.finish())]);
        await until(() => pool.bytesRead > 0);
        assert.equal(pool.activities().length, expected);
        await pool.close();
        assert.deepEqual(await verdict, ['CANCELLED']);
      }
    },
  );

  test('does not keep the process alive when it has nothing to do', () => {
    const index = new URL('../../src/hash/index.ts', import.meta.url).href;
    const script = `
      const { HashPool } = await import(${JSON.stringify(index)});
      const { openSync } = await import('node:fs');
      const found = await new HashPool({ threads: 2 }).digest(openSync(process.argv[1], 'r'), 'x');
      console.log(found.size);`;
    const args = ['--input-type=module', '-e', script, files.write(blob)];
    const child = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 });
    assert.deepEqual([child.status, child.stdout, child.stderr], [0, `${blob.length}\n`, '']);
  });
});

describe('a thread that dies is an error, never a hang', () => {
  const died = (why: string) => ({
    code: 'INTERNAL',
    facts: { problem: `a hashing thread died: ${why}` },
  });

  test('and another takes its place', limited, async () => {
    const pool = new HashPool({ threads: 2, program: leaving });
    const work = [1000, 5, 1000, 6, 1000, 1000, 7].map((fd) => pool.digest(fd, 'x'));
    assert.deepEqual(await codes(work), [
      'INTERNAL',
      'done',
      'INTERNAL',
      'done',
      'INTERNAL',
      'INTERNAL',
      'done',
    ]);
    await assert.rejects(pool.digest(1000, 'x'), died('it ended by itself'));
    await pool.close();
  });

  test('with the reason it had', limited, async () => {
    const reasons = [
      [throwing, 'boom'],
      [broken, "Unexpected identifier 'is'"],
    ] as const;
    for (const [program, why] of reasons) {
      const pool = new HashPool({ threads: 1, program });
      await assert.rejects(pool.digest(0, 'x'), died(why));
      await assert.rejects(pool.digest(0, 'x'), died(why));
      await pool.close();
    }
  });

  test('when its program is not there', limited, async () => {
    const pool = new HashPool({ threads: 1, program: new URL('./not-there.ts', import.meta.url) });
    await assert.rejects(pool.digest(0, 'x'), {
      code: 'INTERNAL',
      message: /a hashing thread died: .*not-there/,
    });
    await pool.close();
  });
});
