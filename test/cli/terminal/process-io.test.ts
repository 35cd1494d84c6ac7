import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { type Io, processIo } from '../../../cli/terminal/index.ts';

// What needs a process of its own (signals, a reader that goes away, a full disk) is in verify-models.test.ts.
describe('the real world', () => {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const listeners = signals.map((signal) => process.listeners(signal));
  let io: Io;

  before(() => {
    io = processIo();
  });

  after(() => {
    for (const [at, signal] of signals.entries()) {
      for (const listener of process.listeners(signal)) {
        if (!listeners[at]?.includes(listener)) process.off(signal, listener);
      }
    }
  });

  test('calls back again and again, until it is told to stop', async () => {
    let calls = 0;
    await new Promise<void>((resolve) => {
      const alive = setInterval(() => {}, 1000);
      const stop = io.every(1, () => {
        calls += 1;
        if (calls < 3) return;
        stop();
        clearInterval(alive);
        resolve();
      });
    });
    assert.equal(calls, 3);
  });

  test('ends a deadline in time', async () => {
    const alive = setInterval(() => {}, 1000);
    const deadline = io.after(1);
    if (!deadline.aborted) await once(deadline, 'abort');
    clearInterval(alive);
    assert.equal(deadline.aborted, true);
  });

  test('has clocks, at least one core, and outputs with a width', () => {
    assert.ok(Math.abs(io.now().getTime() - Date.now()) < 60_000);
    const before = io.monotonic();
    assert.ok(io.monotonic() >= before);
    assert.ok(io.cores >= 1);
    assert.ok(io.stdout.columns > 0 && io.stderr.columns > 0);
    assert.equal(io.stdout.failure, undefined);
    assert.equal(io.pid, process.pid);
  });

  test('takes the first signal as a request to end, with its exit status as the reason', () => {
    assert.equal(io.interrupted.aborted, false);
    process.emit('SIGTERM');
    assert.deepEqual([io.interrupted.aborted, io.interrupted.reason], [true, 143]);
  });
});
