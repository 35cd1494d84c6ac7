import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ControlView, makeControl } from '../../src/hash/shared-control.ts';

const second = 1_000_000_000n;
const burst = second / 4n;

describe('what the threads share', () => {
  test('each thread counts for itself, and every view sees it', () => {
    const control = makeControl(3);
    const [one, other] = [new ControlView(control), new ControlView(control)];
    one.count(0, 10);
    one.count(2, 2 ** 40);
    other.count(2, 1);
    assert.deepEqual(
      [0, 1, 2].map((thread) => other.counted(thread)),
      [10, 0, 2 ** 40 + 1],
    );
  });

  test('a cancel is seen by every view', () => {
    const control = makeControl(1);
    const [one, other] = [new ControlView(control), new ControlView(control)];
    assert.equal(other.cancelled, false);
    one.cancel();
    assert.equal(other.cancelled, true);
  });

  test('counting and pacing do not look like a cancel', () => {
    const view = new ControlView(makeControl(1));
    view.count(0, 2 ** 52);
    view.reserve(2 ** 40, 1, () => 2n ** 60n);
    assert.equal(view.cancelled, false);
  });

  test('no sleep begins after a cancel, though a week is due', { timeout: 10_000 }, () => {
    const view = new ControlView(makeControl(1));
    view.reserve(604_800, 1, () => 0n);
    view.cancel();
    view.sleep(60_000);
  });
});

describe('the rate', () => {
  test('lets a quarter of a second go ahead, then makes each read wait for those before it', () => {
    const view = new ControlView(makeControl(1));
    const waits = [1, 2, 3, 4, 5, 6].map(() => view.reserve(100, 1000, () => 7n * second));
    // Each read of 100 bytes costs 100 ms; the first three are due within the quarter of a second.
    const milliseconds = waits.map((wait) => Number(wait) / 1e6);
    assert.deepEqual(milliseconds, [0, 0, 0, 50, 150, 250]);
  });

  test('is one for all threads', () => {
    const control = makeControl(2);
    const [one, other] = [new ControlView(control), new ControlView(control)];
    one.reserve(1000, 1000, () => 0n);
    assert.equal(
      other.reserve(1, 1000, () => 0n),
      second - burst,
    );
  });

  test('is not saved up while nothing is read', () => {
    const view = new ControlView(makeControl(1));
    view.reserve(1000, 1000, () => 0n);
    const later = 3600n * second;
    assert.equal(
      view.reserve(1000, 1000, () => later),
      0n,
    );
    assert.equal(
      view.reserve(1000, 1000, () => later),
      second - burst,
    );
  });

  test('costs at least a nanosecond a read, so that no rate is endless', () => {
    const view = new ControlView(makeControl(1));
    const start = 5n * second;
    for (let read = 0; read < 10; read += 1) view.reserve(1, 1e15, () => start);
    assert.equal(
      view.reserve(1000, 1000, () => start),
      0n,
    );
    assert.equal(
      view.reserve(1, 1, () => start),
      second + 10n - burst,
    );
  });

  test('holds over any reads at any times: what was begun never exceeds the rate by more than the burst and one read', () => {
    const reads = fc.array(
      fc.record({ bytes: fc.integer({ min: 1, max: 524_288 }), idleNs: fc.nat(10 ** 9) }),
      {
        minLength: 1,
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(reads, fc.integer({ min: 1, max: 10 ** 9 }), (sequence, rate) => {
        const view = new ControlView(makeControl(1));
        let now = 1000n * second;
        const start = now;
        let costs = 0n;
        for (const { bytes, idleNs } of sequence) {
          now += BigInt(idleNs);
          now += view.reserve(bytes, rate, () => now);
          assert.ok(costs <= now - start + burst, `${costs} ns of reading begun after ${now - start} ns`);
          costs += BigInt(Math.ceil((bytes * 1e9) / rate));
        }
      }),
    );
  });
});
