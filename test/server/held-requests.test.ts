import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HeldRequests } from '../../server/held-requests.ts';
import { refusedWith } from '../fixtures/refused-with.ts';

describe('requests that are held', () => {
  test('are counted while they wait, whatever becomes of them', async () => {
    const held = new HeldRequests({ all: 10, each: 10 });
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const [one, two] = [held.while('a', () => promise), held.while('b', () => promise)];
    assert.equal(held.count, 2);
    resolve(7);
    assert.deepEqual(await Promise.all([one, two]), [7, 7]);
    reject(new Error('too late'));
    await assert.rejects(
      held.while('a', () => Promise.reject(new Error('gone'))),
      /gone/,
    );
    assert.equal(held.count, 0);
  });

  test('are bounded for each address, and over all', async () => {
    const held = new HeldRequests({ all: 3, each: 2 });
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = ['a', 'a', 'b'].map((address) => held.while(address, () => promise));
    for (const address of ['a', 'b', 'c'])
      await assert.rejects(
        held.while(address, () => promise),
        refusedWith('TOO_MANY_HELD'),
      );
    resolve();
    await Promise.all(waiting);
    assert.equal(await held.while('a', async () => 1), 1);
  });
});
