import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { HashThread } from '../../src/hash/hash-thread.ts';
import { ControlView, makeControl } from '../../src/hash/shared-control.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';
import { until } from '../fixtures/until.ts';
import { leavingIdle, silent } from './thread-programs.ts';

const worker = new URL('../../src/hash/hash-worker.ts', import.meta.url);
const files = new ScratchFiles();
after(() => files.remove());

describe('a hashing thread', () => {
  test('says what it is at while it is at it, and waits again afterwards', async () => {
    const control = makeControl(1);
    const thread = new HashThread(worker, { control, thread: 0, maxRate: undefined });
    const fd = files.holding(patternedBytes(1000));
    assert.deepEqual([thread.idle, thread.activity, thread.bytesRead], [true, undefined, 0]);
    const first = thread.run({ kind: 'whole', fd }, 'first');
    assert.deepEqual([thread.idle, thread.activity?.label], [false, 'first']);
    await first;
    assert.deepEqual([thread.idle, thread.activity, thread.bytesRead], [true, undefined, 1000]);
    await thread.end();
    assert.deepEqual([thread.idle, thread.alive], [false, false]);
  });

  test('leaves nothing behind from one task to the next', async () => {
    const warnings: string[] = [];
    const note = ({ name }: Error) => warnings.push(name);
    process.on('warning', note);
    const thread = new HashThread(worker, { control: makeControl(1), thread: 0, maxRate: undefined });
    const fd = files.holding(patternedBytes(10));
    // Node warns of the eleventh listener for one event.
    for (let task = 0; task < 12; task += 1) await thread.run({ kind: 'whole', fd }, 'x');
    await thread.end();
    process.off('warning', note);
    assert.deepEqual(warnings, []);
  });

  test('counts what it is at from the start of the task', async () => {
    const control = makeControl(1);
    const thread = new HashThread(silent, { control, thread: 0, maxRate: undefined });
    const view = new ControlView(control);
    view.count(0, 500);
    const task = thread.run({ kind: 'whole', fd: 0 }, 'x');
    assert.deepEqual(thread.activity, { label: 'x', bytes: 0 });
    view.count(0, 7);
    assert.deepEqual(thread.activity, { label: 'x', bytes: 7 });
    assert.equal(thread.bytesRead, 507);
    view.cancel();
    const ended = assert.rejects(task, { code: 'CANCELLED' });
    await thread.end();
    await ended;
  });

  test('that ends between two tasks is not taken for one that waits', { timeout: 20_000 }, async () => {
    const thread = new HashThread(leavingIdle, { control: makeControl(1), thread: 0, maxRate: undefined });
    await thread.run({ kind: 'whole', fd: 0 }, 'only');
    await until(() => !thread.alive);
    assert.equal(thread.idle, false);
  });
});
