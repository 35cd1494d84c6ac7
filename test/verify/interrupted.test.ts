import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { StateDirectory } from '../../src/state/index.ts';
import type { HashingProgress } from '../../src/verify/index.ts';
import {
  type CheckOptions,
  checkStore,
  checkTime,
  failures,
  found,
  statuses,
} from '../fixtures/check-store.ts';
import { flipBit } from '../fixtures/damage.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { openDescriptors } from '../fixtures/process-counts.ts';
import { type SampleModel, sampleLayers } from '../fixtures/sample-store.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';
import { until } from '../fixtures/until.ts';

let store: ScratchStore;
let sample: SampleModel;
let interrupt: AbortController;
beforeEach(() => {
  interrupt = new AbortController();
  store = new ScratchStore();
  sample = store.addModel('registry.ollama.ai/library/sample:latest', [
    { kind: 'model', bytes: patternedBytes(3 * 1024 * 1024) },
    ...sampleLayers().slice(1),
  ]);
});
afterEach(() => store.remove());

const unchecked = { 'sample:latest': 'unchecked' };
const timed = { timeout: 20_000 };

/** A check that ends by the signal while it hashes: the rate would keep it at its first blob for days. */
async function interruptedWhileHashing(options: CheckOptions = {}) {
  let progress: HashingProgress | undefined;
  const hashing = (now: HashingProgress) => {
    progress = now;
  };
  const run = checkStore(store.path, {
    maxRate: 1,
    signal: interrupt.signal,
    observer: { hashing },
    ...options,
  });
  await until(() => (progress?.bytesDone() ?? 0) > 0);
  interrupt.abort(130);
  return run;
}

describe('a check that is interrupted', () => {
  test('while it hashes ends at once with 130, partial, and calls nothing ok', timed, async () => {
    const report = await interruptedWhileHashing();
    assert.deepEqual([report.exitCode, report.partial, statuses(report)], [130, true, unchecked]);
    assert.deepEqual(found(report), ['check-partial 0 -']);
    assert.equal(report.findings[0]?.message, 'partial: interrupted; 6 of 6 blobs were not hashed');
    assert.deepEqual(new Set([...report.blobs].map(({ proof }) => proof)), new Set(['none']));
    assert.equal(report.summary.hashedBytes, 0);
  });

  test('still reports what it has found by then', timed, async () => {
    writeFileSync(sample.blob('license'), 'short');
    const report = await interruptedWhileHashing();
    assert.deepEqual([failures(report), report.exitCode], [['blob-wrong-size 1'], 130]);
    assert.deepEqual(statuses(report), { 'sample:latest': 'altered' });
  });

  test(
    'ends with the status of the signal that ended it, and with 130 where there is none',
    timed,
    async () => {
      for (const [reason, status] of [
        [143, 143],
        [130, 130],
        [undefined, 130],
        ['text', 130],
      ] as const) {
        const report = await checkStore(store.path, { signal: AbortSignal.abort(reason) });
        assert.equal(report.exitCode, status);
      }
    },
  );

  test('before it began has seen nothing, and calls nothing missing', timed, async () => {
    flipBit(sample.blob('system'), 0, 0);
    for (const models of [[], ['sample']]) {
      const report = await checkStore(store.path, { signal: AbortSignal.abort(130), models });
      assert.deepEqual([report.exitCode, report.partial], [130, true]);
      assert.deepEqual(failures(report), []);
      assert.ok(report.models.every(({ status }) => status === 'unchecked'));
    }
  });

  test('between the manifests and the blobs calls no blob missing', timed, async () => {
    let asked = 0;
    // The time is asked for at the start, and again before blobs/ is read.
    const now = () => {
      asked += 1;
      if (asked === 2) interrupt.abort(130);
      return checkTime;
    };
    const report = await checkStore(store.path, { signal: interrupt.signal, now });
    assert.ok(asked >= 2);
    assert.deepEqual([report.exitCode, failures(report), statuses(report)], [130, [], unchecked]);
  });

  test('keeps its place when it was limited in time', timed, async () => {
    const state = store.beside('state');
    const openState = () =>
      StateDirectory.open(state, { now: () => checkTime, uid: process.getuid?.(), pid: process.pid });
    const limited = { openState, deadline: AbortSignal.abort() };
    await checkStore(store.path, limited);
    assert.equal(readdirSync(state).length, 1);
    const cut = await checkStore(store.path, { ...limited, signal: AbortSignal.abort(130) });
    assert.equal(cut.exitCode, 130);
    const [first, second] = [...(await checkStore(store.path, limited)).blobs].map(({ proof }) => proof);
    assert.deepEqual([first, second], ['none', 'whole']);
  });

  test('leaves no descriptor open', timed, async () => {
    await interruptedWhileHashing();
    const before = openDescriptors();
    interrupt = new AbortController();
    await interruptedWhileHashing();
    assert.equal(openDescriptors(), before);
  });
});
