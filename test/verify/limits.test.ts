import assert from 'node:assert/strict';
import { rmSync, truncateSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { checkStore, failures, found, statuses } from '../fixtures/check-store.ts';
import { flipBit } from '../fixtures/damage.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { type SampleModel, sampleLayers, writeBlob } from '../fixtures/sample-store.ts';
import { blobName, ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
let sample: SampleModel;
const mebibyte = 1024 * 1024;
beforeEach(() => {
  store = new ScratchStore();
  sample = store.addModel('registry.ollama.ai/library/sample:latest', [
    { kind: 'model', bytes: patternedBytes(mebibyte + 1) },
    ...sampleLayers().slice(1),
  ]);
});
afterEach(() => store.remove());

const small = { kind: 'system', bytes: Buffer.from('small') };

describe('--subset', () => {
  const parts = (of: number) => Array.from({ length: of }, (_, at) => ({ part: at + 1, of }));

  test('hashes every blob in exactly one of the parts, and calls no model ok that has a blob in another', async () => {
    for (let n = 0; n < 20; n += 1) writeBlob(store.path, Buffer.from(`orphan ${n}`));
    const proofs: string[][] = [];
    let hashed = 0;
    for (const subset of parts(4)) {
      const report = await checkStore(store.path, { subset });
      proofs.push([...report.blobs].map(({ proof }) => proof));
      hashed += report.summary.hashedBytes;
      assert.deepEqual([report.partial, report.exitCode], [true, 0]);
      const partial = report.findings.find(({ rule }) => rule === 'check-partial');
      const left = proofs.at(-1)?.filter((proof) => proof === 'none').length;
      assert.equal(
        partial?.message,
        `partial: --subset ${subset.part}/4; ${left} of 26 blobs were not hashed`,
      );
      const whole = proofs.at(-1)?.every((proof) => proof === 'whole');
      assert.deepEqual(statuses(report), { 'sample:latest': whole ? 'ok' : 'unchecked' });
    }
    for (let at = 0; at < 26; at += 1) {
      assert.equal(proofs.filter((of) => of[at] === 'whole').length, 1);
      assert.equal(proofs.filter((of) => of[at] === 'none').length, 3);
    }
    assert.equal(hashed, (await checkStore(store.path)).summary.bytes);
  });

  test('finds a damage in the part it lies in, once', async () => {
    flipBit(sample.blob('model'), 77, 3);
    const reports = await Promise.all(parts(3).map((subset) => checkStore(store.path, { subset })));
    assert.deepEqual(reports.flatMap(failures), ['blob-altered 1']);
    assert.deepEqual(reports.map(({ exitCode }) => exitCode).sort(), [0, 0, 1]);
  });

  test('1/1 is the whole store, and still says that it was limited', async () => {
    const report = await checkStore(store.path, { subset: { part: 1, of: 1 } });
    assert.deepEqual(
      [report.summary.hashedBytes, statuses(report)],
      [report.summary.bytes, { 'sample:latest': 'ok' }],
    );
    assert.deepEqual(found(report), ['check-partial 0 -']);
  });

  test('looks at sizes and names in every part: that costs nothing', async () => {
    truncateSync(sample.blob('model'), 5);
    rmSync(sample.blob('license'));
    for (const subset of parts(3)) {
      const report = await checkStore(store.path, { subset });
      assert.deepEqual(failures(report), ['blob-missing 8', 'blob-wrong-size 1']);
      assert.equal(report.exitCode, 9);
    }
  });
});

describe('--quick', () => {
  test('hashes blobs up to 1 MiB, and leaves a model with a larger one unchecked', async () => {
    store.addModel('registry.ollama.ai/library/small:latest', [small]);
    const report = await checkStore(store.path, { quick: true });
    assert.deepEqual(
      [report.exitCode, report.partial, statuses(report)],
      [0, true, { 'sample:latest': 'unchecked', 'small:latest': 'ok' }],
    );
    assert.deepEqual(
      report.findings.map(({ rule, bit, actual, message }) => [rule, bit, actual, message]),
      [['check-partial', 0, '1', 'partial: --quick hashes blobs up to 1 MiB; 1 of 7 blobs were not hashed']],
    );
    assert.deepEqual(
      [...report.blobs].map(({ proof }) => proof),
      ['none', ...Array(6).fill('whole')],
    );
    assert.equal(report.summary.bytes - report.summary.hashedBytes, mebibyte + 1);
  });

  test('hashes a blob of exactly 1 MiB', async () => {
    rmSync(store.path, { recursive: true });
    store.addModel('registry.ollama.ai/library/edge:latest', [
      { kind: 'model', bytes: patternedBytes(mebibyte) },
    ]);
    const report = await checkStore(store.path, { quick: true });
    assert.deepEqual(statuses(report), { 'edge:latest': 'ok' });
  });

  test('does not find what it did not hash, says so, and still finds a wrong size', async () => {
    flipBit(sample.blob('model'), 77, 3);
    flipBit(sample.blob('system'), 1, 3);
    const report = await checkStore(store.path, { quick: true });
    assert.deepEqual(failures(report), ['blob-altered 1']);
    assert.match(
      report.findings[0]?.message ?? '',
      /; intact: config, template, params, license; not hashed in this run: weights$/,
    );
    truncateSync(sample.blob('model'), mebibyte + 2);
    assert.deepEqual(failures(await checkStore(store.path, { quick: true })), [
      'blob-altered 1',
      'blob-wrong-size 1',
    ]);
  });
});

describe('--first-failure', () => {
  test('ends at the first bad blob, and leaves the rest unchecked', async () => {
    flipBit(sample.blob('model'), 0, 0);
    store.addModel('registry.ollama.ai/library/small:latest', [small]);
    const report = await checkStore(store.path, { firstFailure: true });
    assert.deepEqual(failures(report), ['blob-altered 1']);
    assert.deepEqual([report.exitCode, report.partial], [1, true]);
    assert.deepEqual(statuses(report), { 'sample:latest': 'altered', 'small:latest': 'unchecked' });
    assert.deepEqual(
      [...report.blobs].map(({ proof }) => proof),
      ['whole', ...Array(6).fill('none')],
    );
    const partial = report.findings.find(({ rule }) => rule === 'check-partial');
    assert.equal(partial?.message, 'partial: --first-failure; 6 of 7 blobs were not hashed');
  });

  test('ends at a blob that its size refutes, too', async () => {
    truncateSync(sample.blob('model'), mebibyte);
    const report = await checkStore(store.path, { firstFailure: true });
    assert.deepEqual([failures(report), report.partial], [['blob-wrong-size 1'], true]);
    assert.equal(report.summary.hashedBytes, 0);
  });

  test('of a sound store hashes all of it, and is not partial', async () => {
    const report = await checkStore(store.path, { firstFailure: true });
    assert.deepEqual([found(report), report.partial, report.exitCode], [[], false, 0]);
  });

  test('still tells what is missing: nothing need be read for that', async () => {
    flipBit(sample.blob('model'), 0, 0);
    rmSync(sample.blob('license'));
    const report = await checkStore(store.path, { firstFailure: true });
    assert.deepEqual([failures(report), report.exitCode], [['blob-altered 1', 'blob-missing 8'], 9]);
    assert.equal(report.findings[0]?.path, blobName(sample.digest('model')));
  });
});
