import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FairQueue } from '../../src/admission/fair-queue.ts';

/** A job that runs until it is told to end. */
function job(log: string[], name: string) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const run = async () => {
    log.push(name);
    await promise;
  };
  return { run, end: resolve };
}

describe('a fair queue', () => {
  test('runs as many as it may, and the rest in turn over their owners', async () => {
    const queue = new FairQueue({ running: 1, waiting: 10, waitingEach: 10 });
    const log: string[] = [];
    const jobs = ['a1', 'a2', 'a3', 'b1', 'c1', 'b2'].map((name) => job(log, name));
    const done = jobs.map((one, at) => queue.run('aaabcb'[at] ?? '', one.run));
    assert.deepEqual([queue.running, queue.waiting], [1, 5]);
    for (const one of jobs) one.end();
    await Promise.all(done);
    assert.deepEqual(log, ['a1', 'a2', 'b1', 'c1', 'a3', 'b2']);
    assert.deepEqual([queue.running, queue.waiting], [0, 0]);
  });

  test('refuses at once what would be too much, for one owner and for all', async () => {
    const queue = new FairQueue({ running: 1, waiting: 2, waitingEach: 1 });
    const jobs = [1, 2, 3].map((at) => job([], `${at}`));
    const done = ['a', 'a', 'b'].map((owner, at) => queue.run(owner, jobs[at]?.run ?? (async () => {})));
    await assert.rejects(
      queue.run('a', async () => {}),
      { code: 'QUEUE_FULL', facts: { waiting: 2 } },
    );
    await assert.rejects(
      queue.run('c', async () => {}),
      { code: 'QUEUE_FULL' },
    );
    assert.throws(() => queue.refuseWhenFull('c'), { code: 'QUEUE_FULL' });
    for (const one of jobs) one.end();
    await Promise.all(done);
    queue.refuseWhenFull('c');
  });

  test('goes on after a job that failed, and tells its caller why', async () => {
    const queue = new FairQueue({ running: 1, waiting: 5, waitingEach: 5 });
    const failed = assert.rejects(
      queue.run('a', async () => {
        throw new Error('no');
      }),
      /^Error: no$/,
    );
    assert.equal(await queue.run('a', async () => 7), 7);
    await failed;
  });

  test('never runs more than it may, and runs everything it took', async () => {
    const owners = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(owners, fc.integer({ min: 1, max: 4 }), async (names, running) => {
        const queue = new FairQueue({ running, waiting: 100, waitingEach: 100 });
        let now = 0;
        let most = 0;
        let ran = 0;
        const work = async () => {
          now += 1;
          most = Math.max(most, now);
          await Promise.resolve();
          now -= 1;
          ran += 1;
        };
        await Promise.all(names.map((owner) => queue.run(owner, work)));
        assert.deepEqual([ran, most], [names.length, Math.min(running, names.length)]);
      }),
    );
  });
});

describe('a job that several want', () => {
  test('runs when the first of their turns comes, and once', async () => {
    const queue = new FairQueue({ running: 1, waiting: 10, waitingEach: 10 });
    const log: string[] = [];
    const jobs = ['a1', 'a2', 'a3', 'a4', 'b1'].map((name) => job(log, name));
    const taken = jobs.map((one, at) => queue.enter(['aaaab'[at] ?? ''], one.run));
    // The last in the line of a is the first in that of c, whose turn comes after that of b.
    taken[3]?.alsoFor('c');
    taken[3]?.alsoFor('c');
    for (const one of jobs) one.end();
    await Promise.all(taken.map(({ done }) => done));
    assert.deepEqual(log, ['a1', 'a2', 'b1', 'a4', 'a3']);
    assert.deepEqual([queue.running, queue.waiting], [0, 0]);
  });

  test('is taken when one of them has room, whoever asked first', async () => {
    const queue = new FairQueue({ running: 1, waiting: 10, waitingEach: 1 });
    const jobs = ['a1', 'a2', 'both'].map((name) => job([], name));
    const [first, second] = [
      queue.enter(['a'], jobs[0]?.run ?? (async () => {})),
      queue.enter(['a'], async () => {}),
    ];
    assert.throws(() => queue.enter(['a'], async () => {}), { code: 'QUEUE_FULL' });
    const both = queue.enter(['a', 'b'], async () => {});
    jobs[0]?.end();
    await Promise.all([first.done, second.done, both.done]);
  });

  test('whatever they want, and in whatever order, everything runs once and nothing is left', async () => {
    const wishes = fc.array(fc.tuple(fc.nat(9), fc.constantFrom('a', 'b', 'c')), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(wishes, async (pairs) => {
        const queue = new FairQueue({ running: 2, waiting: 100, waitingEach: 100 });
        const ran: number[] = [];
        const taken = new Map<number, ReturnType<typeof queue.enter<void>>>();
        for (const [what, owner] of pairs) {
          const known = taken.get(what);
          if (known !== undefined) known.alsoFor(owner);
          else {
            const work = async () => {
              ran.push(what);
              await Promise.resolve();
            };
            taken.set(what, queue.enter([owner], work));
          }
        }
        await Promise.all([...taken.values()].map(({ done }) => done));
        assert.deepEqual(ran.sort(), [...taken.keys()].sort());
        assert.deepEqual([queue.running, queue.waiting], [0, 0]);
      }),
    );
  });
});
