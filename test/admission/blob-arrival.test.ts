import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BlobArrival } from '../../src/admission/blob-arrival.ts';
import { parseDigest } from '../../src/oci/index.ts';

const digest = parseDigest(`sha256:${'a'.repeat(64)}`);
const never = new AbortController().signal;
const file = { fd: 7, size: 100, close: async () => {} };
const open = async () => file;

/** Whether a promise has settled by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  const mark = () => {
    done = true;
  };
  promise.then(mark, mark);
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

describe('a blob on its way', () => {
  test('gives no file before every byte of the range is verified', async () => {
    const arrival = new BlobArrival(digest, 100);
    const first = arrival.open(0, 50, never);
    const second = arrival.open(50, 100, never);
    arrival.verified(49, open);
    assert.deepEqual([await settled(first), arrival.waiting], [false, 2]);
    arrival.verified(50, open);
    assert.equal(await first, file);
    assert.equal(await settled(second), false);
    assert.equal(await arrival.open(10, 50, never), file);
    arrival.verified(100, open);
    assert.equal(await second, file);
    assert.equal(arrival.waiting, 0);
  });

  test('never takes back what was verified', async () => {
    const arrival = new BlobArrival(digest, 100);
    arrival.verified(60, open);
    arrival.verified(10, open);
    assert.equal(arrival.verifiedEnd, 60);
    assert.equal(await arrival.open(0, 60, never), file);
  });

  test('lets go of whoever leaves, and of nobody else', async () => {
    const arrival = new BlobArrival(digest, 100);
    const leaving = new AbortController();
    const gone = assert.rejects(arrival.open(0, 100, leaving.signal), /^Error: left$/);
    const stays = arrival.open(0, 100, never);
    leaving.abort(new Error('left'));
    await gone;
    assert.equal(arrival.waiting, 1);
    await assert.rejects(arrival.open(0, 100, leaving.signal), /^Error: left$/);
    arrival.verified(100, open);
    assert.equal(await stays, file);
  });

  test('that cannot be had tells who waits, and who asks later; what was verified stays readable', async () => {
    const arrival = new BlobArrival(digest, 100);
    arrival.verified(30, open);
    const waiting = assert.rejects(arrival.open(0, 31, never), /^Error: gone$/);
    arrival.failed(new Error('gone'));
    await waiting;
    await assert.rejects(arrival.open(90, 100, never), /^Error: gone$/);
    assert.equal(await arrival.open(0, 30, never), file);
    assert.equal(arrival.waiting, 0);
  });
});
