import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { StateDirectory } from '../../src/state/index.ts';
import { listModels } from '../../src/verify/index.ts';
import { type CheckOptions, checkStore, checkTime } from '../fixtures/check-store.ts';
import { flipBit } from '../fixtures/damage.ts';
import { makeFifo, noFifo } from '../fixtures/odd-files.ts';
import { openDescriptors } from '../fixtures/process-counts.ts';
import { type SampleModel, sha256 } from '../fixtures/sample-store.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';
import { treeState } from '../fixtures/tree-state.ts';

let store: ScratchStore;
let sample: SampleModel;
beforeEach(() => {
  store = new ScratchStore();
  sample = store.addModel();
  mkdirSync(store.beside('allowed'));
});
afterEach(() => store.remove());

/** Something of everything that a check reports. */
function damage(): void {
  const other = store.addModel('registry.ollama.ai/library/other:latest', [
    { kind: 'system', bytes: Buffer.from('o') },
  ]);
  flipBit(sample.blob('model'), 1000, 1);
  truncateSync(sample.blob('template'), 0);
  rmSync(sample.blob('params'));
  writeFileSync(store.beside('allowed/license'), 'licence');
  rmSync(sample.blob('license'));
  symlinkSync(store.beside('allowed/license'), sample.blob('license'));
  writeFileSync(other.manifestPath, `\ufeff${other.manifest}`);
  chmodSync(other.blob('system'), 0o666);
  writeFileSync(store.at('blobs', 'README'), 'foreign');
  writeFileSync(store.at('blobs', 'sha256-77'), 'partial');
  writeFileSync(store.at('blobs', sha256(Buffer.from('c'))), 'c');
  linkSync(sample.blob('system'), store.at('hard'));
  writeFileSync(store.at('manifests', '.DS_Store'), 'Bud1');
  symlinkSync('.', store.at('manifests', 'loop'));
  if (noFifo() === false) makeFifo(store.at('manifests', 'fifo'));
  utimesSync(sample.blob('system'), 1, 1);
}

const runs: Readonly<Record<string, () => CheckOptions>> = {
  'a whole check': () => ({}),
  'a check on two threads, with links followed': () => ({
    jobs: 2,
    followLinksInto: [store.beside('allowed')],
  }),
  'a check of one model': () => ({ models: ['sample'] }),
  'a quick check of one part, ended at the first failure': () => ({
    quick: true,
    subset: { part: 1, of: 2 },
    firstFailure: true,
  }),
  'an interrupted check': () => ({ signal: AbortSignal.abort(130) }),
  'a check that is limited in time, whose state lies beside the store': () => ({
    deadline: AbortSignal.abort(),
    openState: () =>
      StateDirectory.open(`${store.folder}/state`, {
        now: () => checkTime,
        uid: process.getuid?.(),
        pid: process.pid,
      }),
  }),
};

for (const [kind, prepare] of [
  ['sound', () => {}],
  ['damaged', damage],
] as const) {
  describe(`a ${kind} store`, () => {
    for (const [what, options] of Object.entries(runs)) {
      test(`is after ${what} what it was before: contents, times, modes and names of every entry`, async () => {
        prepare();
        const before = treeState(store.path);
        const descriptors = openDescriptors();
        const report = await checkStore(store.path, options());
        assert.deepEqual(treeState(store.path), before);
        assert.equal(openDescriptors(), descriptors, 'and nothing of it is held open');
        if (what === 'a whole check') assert.equal(report.exitCode, kind === 'sound' ? 0 : 1 | 4 | 8);
      });
    }

    test('is after a list what it was before', async () => {
      prepare();
      const before = treeState(store.path);
      await listModels(store.path, [], checkTime, new AbortController().signal);
      assert.deepEqual(treeState(store.path), before);
    });
  });
}

test('the state of a tree tells a change of anything but its access times', () => {
  const before = treeState(store.path);
  const changes: readonly (() => void)[] = [
    () => flipBit(sample.blob('system'), 0, 0),
    () => chmodSync(sample.blob('system'), 0o600),
    () => utimesSync(store.at('blobs'), 1, 1),
    () => writeFileSync(store.at('new'), ''),
    () => rmSync(store.at('new')),
  ];
  const states = changes.map((change) => {
    change();
    return treeState(store.path).join('\n');
  });
  assert.equal(new Set([before.join('\n'), ...states]).size, changes.length + 1);
});
