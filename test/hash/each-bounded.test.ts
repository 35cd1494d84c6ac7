import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { eachBounded } from '../../src/hash/index.ts';

/** Counts what an iterable was asked for. */
function counted(length: number) {
  const counter = { taken: 0, ended: false };
  function* items() {
    try {
      for (let item = 0; item < length; item += 1) {
        counter.taken += 1;
        yield item;
      }
    } finally {
      counter.ended = true;
    }
  }
  return { counter, items: items() };
}

describe('work on the items of an iterable', () => {
  test('is done on each item once, never on more than the limit at a time, and no item is taken before there is room', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(3), { maxLength: 25 }),
        async (limit, turns) => {
          const { counter, items } = counted(turns.length);
          const done: number[] = [];
          let running = 0;
          await eachBounded(items, limit, async (item) => {
            running += 1;
            assert.ok(running <= limit, `${running} at once`);
            assert.ok(counter.taken - done.length <= limit, 'taken too early');
            for (let turn = 0; turn < (turns[item] ?? 0); turn += 1) await setImmediate();
            running -= 1;
            done.push(item);
          });
          assert.equal(running, 0);
          assert.deepEqual(
            done.sort((a, b) => a - b),
            turns.map((_, item) => item),
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  test('uses all the room there is', async () => {
    let [running, most] = [0, 0];
    await eachBounded(counted(20).items, 4, async () => {
      running += 1;
      most = Math.max(most, running);
      await setImmediate();
      running -= 1;
    });
    assert.equal(most, 4);
  });

  test('goes on beside an item that takes long', { timeout: 10_000 }, async () => {
    const { promise: fifth, resolve } = Promise.withResolvers<void>();
    const done: number[] = [];
    await eachBounded(counted(7).items, 2, async (item) => {
      if (item === 0) await fifth;
      if (item === 5) resolve();
      done.push(item);
    });
    assert.ok(done.indexOf(0) > done.indexOf(4), `${done}`);
  });

  test('ends at the first error, even of an endless iterable, once what runs has ended', async () => {
    const { counter, items } = counted(Number.POSITIVE_INFINITY);
    let ended = 0;
    const work = async (item: number) => {
      if (item === 10) throw new Error('the tenth');
      await setImmediate();
      ended += 1;
    };
    await assert.rejects(eachBounded(items, 3, work), { message: 'the tenth' });
    assert.ok(counter.taken <= 14, `${counter.taken} were taken`);
    assert.equal(ended, counter.taken - 1);
    assert.ok(counter.ended, 'the iterable was told');
  });

  test('ends with the error of the iterable itself, once what runs has ended', async () => {
    let ended = 0;
    function* items() {
      yield 1;
      yield 2;
      throw new Error('the store vanished');
    }
    const work = async () => {
      await setImmediate();
      ended += 1;
    };
    await assert.rejects(eachBounded(items(), 5, work), { message: 'the store vanished' });
    assert.equal(ended, 2);
  });

  test('is over at once when there is nothing to do', async () => {
    await eachBounded([], 3, () => Promise.reject(new Error('never')));
  });
});
