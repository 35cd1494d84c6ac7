import assert from 'node:assert/strict';
import { chmodSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { checkStore, found, statuses } from '../fixtures/check-store.ts';
import { asRoot } from '../fixtures/odd-files.ts';
import type { SampleModel } from '../fixtures/sample-store.ts';
import { blobName, ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
let sample: SampleModel;
beforeEach(() => {
  store = new ScratchStore();
  sample = store.addModel();
});
afterEach(() => {
  for (const part of ['.', 'manifests', 'blobs']) chmodSync(store.at(part), 0o755);
  store.remove();
});

const ok = { 'sample:latest': 'ok' };

describe('what every user of this machine may write', () => {
  const places: Readonly<Record<string, readonly [rule: string, path: () => string, shown: () => string]>> = {
    'a blob': ['blob-writable', () => sample.blob('system'), () => blobName(sample.digest('system'))],
    'blobs/': ['blob-writable', () => store.at('blobs'), () => 'blobs'],
    'a manifest': [
      'manifest-writable',
      () => sample.manifestPath,
      () => 'manifests/registry.ollama.ai/library/sample/latest',
    ],
    'a directory of manifests': [
      'manifest-writable',
      () => dirname(dirname(sample.manifestPath)),
      () => 'manifests/registry.ollama.ai/library',
    ],
    'manifests/': ['manifest-writable', () => store.at('manifests'), () => 'manifests'],
    'the directory above both': ['manifest-writable', () => store.path, () => '.'],
  };

  for (const [what, [rule, path, shown]] of Object.entries(places)) {
    test(`${what} is told, with the command that takes the permission away`, async () => {
      const mode = what === 'a blob' || what === 'a manifest' ? 0o666 : 0o777;
      chmodSync(path(), mode);
      const report = await checkStore(store.path);
      assert.deepEqual(
        report.findings.map((finding) => [finding.rule, finding.bit, finding.path, finding.hint]),
        [[rule, 0, shown(), `chmod o-w ${path()}`]],
      );
      assert.deepEqual([report.exitCode, statuses(report)], [0, ok]);
      chmodSync(path(), mode & ~0o002);
      assert.deepEqual(found(await checkStore(store.path)), [], 'what a group may write is nobody else');
    });

    test(`${what} is told of a model that was named`, async () => {
      chmodSync(path(), 0o777);
      const report = await checkStore(store.path, { models: ['Sample'] });
      assert.deepEqual(found(report), [`${rule} 0 ${shown()}`]);
    });
  }

  test('and of which only the owner may rename what is there: the directory above both may be sticky', async () => {
    chmodSync(store.path, 0o1777);
    assert.deepEqual(found(await checkStore(store.path)), []);
  });

  test('a volume with an fsGroup is a warning, once, and never a failure', async () => {
    const { gid } = statSync(store.path);
    for (const parts of [['.', 'manifests', 'blobs'], ['blobs'], ['.']]) {
      for (const part of ['.', 'manifests', 'blobs'])
        chmodSync(store.at(part), parts.includes(part) ? 0o2775 : 0o755);
      const report = await checkStore(store.path);
      assert.deepEqual(found(report), ['volume-group-writable 0 .']);
      assert.equal(report.findings[0]?.actual, `group ${gid}`);
      assert.deepEqual([report.exitCode, statuses(report)], [0, ok]);
    }
  });

  test('of another model is not told of the one that was named', async () => {
    const other = store.addModel('registry.ollama.ai/library/other:latest');
    chmodSync(other.manifestPath, 0o666);
    chmodSync(dirname(other.manifestPath), 0o777);
    assert.deepEqual(found(await checkStore(store.path, { models: ['sample'] })), []);
  });
});

describe('what this user may not read', { skip: asRoot() }, () => {
  test('is an error when it is the store', async () => {
    chmodSync(store.path, 0);
    await assert.rejects(checkStore(store.path), { code: 'STORE_UNREADABLE', exitStatus: 4 });
  });

  for (const mode of [0o000, 0o111]) {
    test(`blobs/ with mode ${mode.toString(8)} makes nothing missing: all models are unchecked`, async () => {
      chmodSync(store.at('blobs'), mode);
      const report = await checkStore(store.path);
      assert.deepEqual(found(report), ['store-unreadable 4 blobs']);
      assert.deepEqual([report.exitCode, statuses(report)], [4, { 'sample:latest': 'unchecked' }]);
    });
  }

  test('blobs/ that can be listed and not entered says so of each blob', async () => {
    chmodSync(store.at('blobs'), 0o644);
    const report = await checkStore(store.path);
    assert.deepEqual(
      new Set(report.findings.map(({ rule, bit }) => `${rule} ${bit}`)),
      new Set(['blob-unreadable 4']),
    );
    assert.deepEqual(
      [report.findings.length, report.exitCode, statuses(report)],
      [6, 4, { 'sample:latest': 'unchecked' }],
    );
  });

  test('manifests/ leaves no word that blobs are to be removed', async () => {
    chmodSync(store.at('manifests'), 0);
    for (const models of [[], ['sample']]) {
      const report = await checkStore(store.path, { models });
      const told = report.findings.filter(({ rule }) => rule !== 'blob-orphan');
      assert.deepEqual(
        told.map(({ rule, bit }) => [rule, bit]),
        [['store-unreadable', 4]],
      );
      assert.ok(report.findings.every(({ hint }) => hint === undefined || !hint.startsWith('rm ')));
      assert.equal(report.exitCode, 4);
    }
  });

  test('a directory of manifests is told of the models below it, and of no other', async () => {
    store.addModel('example.com/library/other:latest');
    const folder = store.at('manifests', 'registry.ollama.ai');
    chmodSync(folder, 0);
    try {
      const path = 'store-unreadable 4 manifests/registry.ollama.ai';
      const whole = await checkStore(store.path);
      assert.deepEqual(
        [found(whole).filter((line) => line.startsWith('store')), whole.exitCode],
        [[path], 4],
      );
      const named = await checkStore(store.path, { models: ['sample'] });
      assert.deepEqual([found(named), named.exitCode, named.models], [[path], 4, []]);
      const other = await checkStore(store.path, { models: ['example.com/library/other'] });
      assert.deepEqual([found(other), other.exitCode], [[], 0]);
    } finally {
      chmodSync(folder, 0o755);
    }
  });
});
