import assert from 'node:assert/strict';
import { chmodSync, linkSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { checkStore, found, statuses } from '../fixtures/check-store.ts';
import { flipBit } from '../fixtures/damage.ts';
import { makeFifo, noFifo } from '../fixtures/odd-files.ts';
import type { SampleModel } from '../fixtures/sample-store.ts';
import { blobName, ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
let sample: SampleModel;
let name: string;
let elsewhere: string;
beforeEach(() => {
  store = new ScratchStore();
  sample = store.addModel();
  name = blobName(sample.digest('model'));
  elsewhere = store.beside('big');
  mkdirSync(elsewhere);
});
afterEach(() => store.remove());

const ok = { 'sample:latest': 'ok' };
const unchecked = { 'sample:latest': 'unchecked' };

/** The weights lie somewhere else now, and a link in their place leads there. */
function moveWeights(to: string, target = to): void {
  renameSync(sample.blob('model'), to);
  symlinkSync(target, sample.blob('model'));
}

describe('a blob that is a link', () => {
  test('inside the store is hashed where it lies, and told', async () => {
    moveWeights(store.at('blobs', 'weights.gguf'), 'weights.gguf');
    const report = await checkStore(store.path);
    assert.deepEqual(found(report), ['blob-foreign 0 blobs/weights.gguf', `blob-link 0 ${name}`]);
    assert.equal(report.findings[1]?.actual, store.at('blobs', 'weights.gguf'));
    assert.deepEqual(
      [report.exitCode, statuses(report), report.summary.hashedBytes],
      [0, ok, report.summary.bytes],
    );
  });

  test('to another blob has the bytes of the other', async () => {
    rmSync(sample.blob('params'));
    symlinkSync(basename(sample.blob('license')), sample.blob('params'));
    const report = await checkStore(store.path);
    const params = blobName(sample.digest('params'));
    assert.deepEqual(found(report), [`blob-wrong-size 1 ${params}`, `blob-link 0 ${params}`]);
  });

  test('that leaves the store is not read; the hint allows it', async () => {
    const target = join(elsewhere, "it's here");
    moveWeights(target);
    const report = await checkStore(store.path);
    assert.deepEqual(
      report.findings.map(({ rule, bit, path, actual, hint }) => [rule, bit, path, actual, hint]),
      [
        [
          'blob-link-outside',
          4,
          name,
          target,
          `verify-models --store ${store.path} --follow-links-into ${elsewhere}`,
        ],
      ],
    );
    assert.deepEqual([report.exitCode, statuses(report), report.summary.blobs], [4, unchecked, 5]);
  });

  test('that leaves the store is followed into what --follow-links-into names, and the real file is hashed', async () => {
    moveWeights(join(elsewhere, 'weights'));
    const allowed = await checkStore(store.path, { followLinksInto: [elsewhere] });
    assert.deepEqual(found(allowed), [`blob-link 0 ${name}`]);
    assert.deepEqual(
      [allowed.exitCode, statuses(allowed), allowed.summary.hashedBytes],
      [0, ok, allowed.summary.bytes],
    );
    flipBit(join(elsewhere, 'weights'), 100, 0);
    const altered = await checkStore(store.path, { followLinksInto: [elsewhere] });
    assert.deepEqual(found(altered), [`blob-altered 1 ${name}`, `blob-link 0 ${name}`]);
    for (const into of [store.beside('bi'), join(elsewhere, 'other'), '/nonexistent']) {
      assert.deepEqual(
        found(await checkStore(store.path, { followLinksInto: [into] })),
        [`blob-link-outside 4 ${name}`],
        into,
      );
    }
  });

  test('that goes through an allowed place to another one is not followed', async () => {
    const third = store.beside('third');
    mkdirSync(third);
    moveWeights(join(third, 'weights'), join(elsewhere, 'hop'));
    symlinkSync(join(third, 'weights'), join(elsewhere, 'hop'));
    const report = await checkStore(store.path, { followLinksInto: [elsewhere] });
    assert.deepEqual(
      report.findings.map(({ rule, actual }) => [rule, actual]),
      [['blob-link-outside', join(third, 'weights')]],
    );
  });

  test('into an allowed place that is itself a link is followed', async () => {
    moveWeights(join(elsewhere, 'weights'));
    symlinkSync(elsewhere, store.beside('disk'));
    const report = await checkStore(store.path, { followLinksInto: [store.beside('disk')] });
    assert.deepEqual([found(report), statuses(report)], [[`blob-link 0 ${name}`], ok]);
  });

  test('to nowhere is missing, and the hint removes the link first', async () => {
    moveWeights(join(elsewhere, 'weights'));
    rmSync(join(elsewhere, 'weights'));
    const report = await checkStore(store.path);
    assert.deepEqual(
      report.findings.map(({ rule, bit, actual, hint }) => [rule, bit, actual, hint]),
      [['blob-missing', 8, 'dangling link', `rm ${sample.blob('model')} && ollama pull sample:latest`]],
    );
    assert.deepEqual([report.exitCode, statuses(report)], [8, { 'sample:latest': 'missing' }]);
  });

  test('in a circle is a loop', async () => {
    moveWeights(join(elsewhere, 'weights'));
    rmSync(sample.blob('model'));
    symlinkSync('circle', sample.blob('model'));
    symlinkSync(basename(sample.blob('model')), store.at('blobs', 'circle'));
    const report = await checkStore(store.path);
    assert.deepEqual(found(report), [`blob-link-loop 4 ${name}`, 'blob-foreign 0 blobs/circle']);
    assert.deepEqual([report.exitCode, statuses(report)], [4, unchecked]);
  });

  test('to a FIFO or a directory is no file, and neither is opened', {
    skip: noFifo(),
    timeout: 20_000,
  }, async () => {
    rmSync(sample.blob('model'));
    makeFifo(store.at('blobs', 'fifo'));
    symlinkSync('fifo', sample.blob('model'));
    rmSync(sample.blob('params'));
    symlinkSync('..', sample.blob('params'));
    const report = await checkStore(store.path);
    assert.deepEqual(report.findings.map(({ rule, bit, actual }) => `${rule} ${bit} ${actual}`).sort(), [
      'blob-foreign 0 FIFO',
      'blob-not-regular 4 FIFO',
      'blob-not-regular 4 directory',
    ]);
  });

  test('to a file that everybody may write is told', async () => {
    moveWeights(join(elsewhere, 'weights'));
    chmodSync(join(elsewhere, 'weights'), 0o666);
    const report = await checkStore(store.path, { followLinksInto: [elsewhere] });
    assert.deepEqual(found(report), [`blob-link 0 ${name}`, `blob-writable 0 ${name}`]);
    assert.equal(report.findings[1]?.hint, `chmod o-w ${sample.blob('model')}`);
  });
});

describe('a hard link', () => {
  test('is told, with the command that finds the other name', async () => {
    linkSync(sample.blob('model'), join(elsewhere, 'other'));
    const report = await checkStore(store.path);
    const { ino } = statSync(sample.blob('model'));
    assert.deepEqual(
      report.findings.map(({ rule, bit, path, actual, hint }) => [rule, bit, path, actual, hint]),
      [['blob-hard-link', 0, name, '2 names', `find ${store.path} -xdev -inum ${ino}`]],
    );
    assert.deepEqual([report.exitCode, statuses(report)], [0, ok]);
  });

  test('of a file behind a link is looked for where that file lies', async () => {
    moveWeights(join(elsewhere, 'weights'));
    linkSync(join(elsewhere, 'weights'), store.beside('third'));
    const report = await checkStore(store.path, { followLinksInto: [elsewhere] });
    assert.deepEqual(found(report), [`blob-hard-link 0 ${name}`, `blob-link 0 ${name}`]);
    assert.match(report.findings[0]?.hint ?? '', new RegExp(`^find ${elsewhere} -xdev -inum \\d+$`));
  });
});
