import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { describe, test } from 'node:test';
import type { HashingProgress } from '../../src/verify/index.ts';
import { checkStore, statuses } from '../fixtures/check-store.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { type SampleModel, sampleLayers } from '../fixtures/sample-store.ts';
import { blobName, ScratchStore } from '../fixtures/scratch-store.ts';
import { until } from '../fixtures/until.ts';

const bytes = patternedBytes(2 * 1024 * 1024);

/** After the first of its four reads the rate keeps the weights open for more than a second: time to change them. */
async function checkWhile(change: (path: string, store: ScratchStore) => void): Promise<void> {
  const store = new ScratchStore();
  try {
    const model: SampleModel = store.addModel('registry.ollama.ai/library/sample:latest', [
      { kind: 'model', bytes },
      ...sampleLayers().slice(1),
    ]);
    let progress: HashingProgress | undefined;
    const hashing = (now: HashingProgress) => {
      progress = now;
    };
    const run = checkStore(store.path, { maxRate: 1024 * 1024, observer: { hashing } });
    await until(() => (progress?.bytesDone() ?? 0) > 0);
    assert.deepEqual(
      progress?.activities().map(({ label }) => label),
      [model.digest('model')],
    );
    change(model.blob('model'), store);
    const report = await run;
    assert.deepEqual(
      report.findings.map(({ rule, bit, path, hint }) => [rule, bit, path, hint]),
      [
        [
          'blob-changed',
          4,
          blobName(model.digest('model')),
          'stop what writes there (ollama ps, a running pull), then check again',
        ],
      ],
    );
    assert.match(
      report.findings[0]?.message ?? '',
      /^the weights layer of sample:latest changed while it was read: /,
    );
    assert.deepEqual([report.exitCode, statuses(report)], [4, { 'sample:latest': 'unchecked' }]);
  } finally {
    store.remove();
  }
}

function writeInPlace(path: string, position: number): void {
  const { atime, mtime } = statSync(path);
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.from([0]), 0, 1, position);
  closeSync(fd);
  utimesSync(path, atime, mtime);
}

const changes: Readonly<Record<string, (path: string, store: ScratchStore) => void>> = {
  'grows, and is not followed to its end': (path) => appendFileSync(path, 'more'),
  'is cut off': (path) => truncateSync(path, 1_000_000),
  'is replaced by a rename, although the other file is sound too': (path, store) => {
    writeFileSync(store.beside('other'), bytes);
    renameSync(store.beside('other'), path);
  },
  'is touched': (path) => utimesSync(path, new Date(), new Date()),
  'is written behind the place that is being read, and its mtime set back': (path) =>
    writeInPlace(path, 2_000_000),
  'is written before the place that is being read, and its mtime set back': (path) => writeInPlace(path, 100),
  'is deleted': (path) => rmSync(path),
};

describe('a blob that changes while it is read', { concurrency: true }, () => {
  for (const [what, change] of Object.entries(changes)) {
    test(`and ${what} proves nothing`, { timeout: 20_000 }, () => checkWhile(change));
  }
});
