import assert from 'node:assert/strict';
import {
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  type CheckOptions,
  checkStore,
  checkTime,
  failures,
  found,
  statuses,
} from '../fixtures/check-store.ts';
import { flipBit } from '../fixtures/damage.ts';
import { makeFifo, noFifo } from '../fixtures/odd-files.ts';
import { openDescriptors } from '../fixtures/process-counts.ts';
import { type SampleModel, sampleLayers } from '../fixtures/sample-store.ts';
import { blobName, ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
let sample: SampleModel;
beforeEach(() => {
  store = new ScratchStore();
  sample = store.addModel();
});
afterEach(() => store.remove());

const unchecked = { 'sample:latest': 'unchecked' };
const manifest = 'manifests/registry.ollama.ai/library/sample/latest';

/** A check during which something happens: the names in `blobs/` were read by then, and no blob was opened. */
const checkAround = (happens: () => void, options: CheckOptions = {}) =>
  checkStore(store.path, { observer: { hashing: happens }, ...options });

describe('between the reading of the names and the reading of a blob', () => {
  const path = (): string => sample.blob('system');
  const name = (): string => blobName(sample.digest('system'));
  const size = (): number => sampleLayers()[2]?.bytes.length ?? 0;

  const cases: Readonly<Record<string, readonly [problem: () => string, happens: () => void]>> = {
    'a FIFO in its place is not read': [() => 'it is no longer a regular file', () => makeFifo(path())],
    'a directory in its place is not read': [() => 'it is no longer a regular file', () => mkdirSync(path())],
    'a link in its place is not followed': [
      () => 'a link was put in its place',
      () => symlinkSync(sample.blob('license'), path()),
    ],
    'a file of another size in its place is not hashed against the old one': [
      () => `it had ${size()} bytes, then 5`,
      () => writeFileSync(path(), 'other'),
    ],
  };
  for (const [what, [problem, happens]] of Object.entries(cases)) {
    const skip = what.includes('FIFO') ? noFifo() : false;
    test(what, { skip, timeout: 20_000 }, async () => {
      const report = await checkAround(() => {
        rmSync(path());
        happens();
      });
      assert.deepEqual(
        report.findings.map(({ rule, bit, path: where, actual }) => [rule, bit, where, actual]),
        [['blob-changed', 4, name(), problem()]],
      );
      assert.deepEqual([report.exitCode, statuses(report)], [4, unchecked]);
    });
  }

  test('a blob that vanishes could not be read, and is not called missing', async () => {
    const report = await checkAround(() => rmSync(path()));
    assert.deepEqual(
      report.findings.map(({ rule, bit, path: where, actual }) => [rule, bit, where, actual]),
      [['blob-unreadable', 4, name(), 'it vanished while the store was read']],
    );
    assert.deepEqual([report.exitCode, statuses(report)], [4, unchecked]);
  });

  test('a link that is turned to another place is not followed there', async () => {
    const [inside, outside] = [store.at('weights'), store.beside('weights')];
    linkSync(sample.blob('model'), inside);
    linkSync(sample.blob('model'), outside);
    rmSync(sample.blob('model'));
    symlinkSync(inside, sample.blob('model'));
    const before = openDescriptors();
    const report = await checkAround(() => {
      rmSync(sample.blob('model'));
      symlinkSync(outside, sample.blob('model'));
    });
    assert.deepEqual(failures(report), ['blob-changed 4']);
    assert.equal(report.findings[0]?.actual, 'its link leads elsewhere now');
    assert.equal(openDescriptors(), before);
  });

  test('another blobs/ in the place of the one that was opened changes nothing: the first one is checked', {
    skip: existsSync('/proc/self/fd') ? false : 'needs /proc, through which an open directory is reached',
  }, async () => {
    const report = await checkAround(() => {
      renameSync(store.at('blobs'), store.beside('blobs'));
      mkdirSync(store.at('blobs'));
    });
    assert.deepEqual([found(report), statuses(report)], [[], { 'sample:latest': 'ok' }]);
  });
});

describe('a store that vanishes while it is read', () => {
  test('before its blobs are opened could not be checked', async () => {
    const report = await checkAround(() => rmSync(store.path, { recursive: true }));
    assert.deepEqual([report.exitCode, statuses(report)], [4, unchecked]);
    assert.deepEqual(failures(report), [...Array(6).fill('blob-unreadable 4'), 'manifest-unreadable 4']);
  });

  test('before its blobs are listed has no missing blob', async () => {
    let asked = 0;
    // The time is asked for at the start, and again before blobs/ is read.
    const now = () => {
      asked += 1;
      if (asked === 2) rmSync(store.path, { recursive: true });
      return checkTime;
    };
    const report = await checkStore(store.path, { now });
    assert.ok(asked >= 2);
    assert.deepEqual([report.exitCode, statuses(report)], [4, unchecked]);
    assert.ok(
      failures(report).every((line) => /^(store|manifest|blob)-unreadable 4$/.test(line)),
      failures(report).join(),
    );
  });
});

describe('a manifest that is replaced while the blobs are read', () => {
  /** What a pull does that ends meanwhile: another manifest, and the blobs of the old one deleted. */
  function pull(): void {
    rmSync(sample.blob('system'));
    store.addModel('registry.ollama.ai/library/new:latest', sampleLayers('Other words.\n'));
    renameSync(store.at('manifests/registry.ollama.ai/library/new/latest'), sample.manifestPath);
    rmSync(store.at('manifests/registry.ollama.ai/library/new'), { recursive: true });
  }

  test('leaves its model unchecked, and what it has deleted is not missing', async () => {
    let asked = 0;
    const now = () => {
      asked += 1;
      if (asked === 2) pull();
      return checkTime;
    };
    const report = await checkStore(store.path, { now });
    const told = report.findings.filter(({ rule }) => rule !== 'blob-orphan');
    assert.deepEqual(
      told.map(({ rule, bit, path }) => [rule, bit, path]),
      [['manifest-unreadable', 4, manifest]],
    );
    assert.match(
      told[0]?.message ?? '',
      /^the manifest of sample:latest changed while the store was read \(its ino moved\); /,
    );
    assert.deepEqual([report.exitCode, statuses(report)], [4, unchecked]);
    assert.equal((await checkStore(store.path)).exitCode, 0);
  });

  test('is told when it is gone, or only touched', async () => {
    for (const [change, what] of [
      [() => utimesSync(sample.manifestPath, 1, 1), 'its mtimeNs moved'],
      [() => rmSync(sample.manifestPath), 'it is gone'],
    ] as const) {
      const report = await checkAround(change);
      assert.deepEqual(
        report.findings.map(({ rule, bit, actual }) => [rule, bit, actual]),
        [['manifest-unreadable', 4, what]],
      );
    }
  });

  test('does not hide what else is wrong', async () => {
    flipBit(sample.blob('license'), 0, 0);
    const report = await checkAround(() => utimesSync(sample.manifestPath, 1, 1));
    assert.deepEqual(
      [failures(report), statuses(report)],
      [['blob-altered 1', 'manifest-unreadable 4'], { 'sample:latest': 'altered' }],
    );
  });

  test('behind a link is looked at where it lies', async () => {
    renameSync(sample.manifestPath, store.at('m'));
    symlinkSync(store.at('m'), sample.manifestPath);
    assert.deepEqual(found(await checkAround(() => {})), [`manifest-link 0 ${manifest}`]);
    const report = await checkAround(() => utimesSync(store.at('m'), 1, 1));
    assert.deepEqual(failures(report), ['manifest-unreadable 4']);
    assert.ok(existsSync(join(store.path, 'm')));
  });
});
