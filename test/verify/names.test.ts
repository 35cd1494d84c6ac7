import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { checkStore, found, statuses } from '../fixtures/check-store.ts';
import type { SampleModel } from '../fixtures/sample-store.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
let sample: SampleModel;
beforeEach(() => {
  store = new ScratchStore();
  sample = store.addModel();
});
afterEach(() => store.remove());

/** A file below `manifests/`; the manifest of the sample unless told otherwise. */
function put(path: string | Buffer, content: string | Buffer = sample.manifest): void {
  const file = Buffer.concat([Buffer.from(`${store.at('manifests')}/`), Buffer.from(path)]);
  const folder = dirname(file.toString('latin1'));
  mkdirSync(Buffer.from(folder, 'latin1'), { recursive: true });
  writeFileSync(file, content);
}

const illegal = (path: string): string => `name-illegal 0 manifests/${path}`;
const noPrune = (path: string): string => `prune-disabled 0 manifests/${path}`;
const host = 'registry.ollama.ai';

describe('a manifest that Ollama does not see', () => {
  const elsewhere = [
    'latest',
    `${host}/latest`,
    `${host}/library/latest`,
    `${host}/library/sample/a/latest`,
    'a/b/c/d/e/f/g/h',
  ];
  for (const path of elsewhere) {
    test(`lies ${path.split('/').length} levels deep: it is told, and the model beside it is ok`, async () => {
      put(path);
      const report = await checkStore(store.path);
      assert.deepEqual(found(report), [illegal(path)]);
      const why = `it lies ${path.split('/').length} levels deep, not 4`;
      assert.equal(report.findings[0]?.message, `Ollama skips manifests/${path}: ${why}`);
      assert.deepEqual([report.exitCode, statuses(report)], [0, { 'sample:latest': 'ok' }]);
    });
  }

  const parts: readonly (readonly [string, string, string])[] = [
    ['a host that starts with a dot', `.${host}/library/sample/latest`, 'host'],
    ['a namespace with a dot', `${host}/lib.rary/sample/latest`, 'namespace'],
    ['a model with a blank', `${host}/library/sam ple/latest`, 'model'],
    ['a model that starts with a dash', `${host}/library/-sample/latest`, 'model'],
    ['a tag of 81 characters', `${host}/library/sample/${'t'.repeat(81)}`, 'tag'],
    ['a tag with a zero-width space', `${host}/library/sample/la\u200btest`, 'tag'],
    ['a tag with a right-to-left override', `${host}/library/sample/\u202etset`, 'tag'],
    ['a tag with an escape sequence', `${host}/library/sample/\u001b[2J`, 'tag'],
    ['a tag of Cyrillic letters', `${host}/library/sample/lat\u0435st`, 'tag'],
  ];
  for (const [what, path, part] of parts) {
    test(`has ${what}: that also stops the clean-up`, async () => {
      put(path);
      const report = await checkStore(store.path);
      assert.deepEqual(found(report), [illegal(path), noPrune(path)]);
      assert.equal(
        report.findings[0]?.message,
        `Ollama skips manifests/${path}: its ${part} is not one that Ollama accepts`,
      );
      assert.deepEqual([report.exitCode, statuses(report)], [0, { 'sample:latest': 'ok' }]);
    });
  }

  test('has a name that is no UTF-8: its bytes are shown', async () => {
    put(Buffer.concat([Buffer.from(`${host}/library/sample/`), Buffer.from([0xff, 0x41])]));
    const shown = `${host}/library/sample/\\xffA`;
    assert.deepEqual(found(await checkStore(store.path)), [illegal(shown), noPrune(shown)]);
  });

  test('is judged all the same when it looks like one', async () => {
    put(`${host}/latest`, `${sample.manifest}{}`);
    put('b', '{"layers":');
    const report = await checkStore(store.path);
    assert.deepEqual(found(report), [
      `manifest-ambiguous 1 manifests/${host}/latest`,
      'manifest-broken 1 manifests/b',
      illegal('b'),
      illegal(`${host}/latest`),
    ]);
    assert.deepEqual(
      [report.exitCode, report.findings[0]?.model, report.findings[0]?.hint],
      [1, undefined, undefined],
    );
  });
});

describe('a .DS_Store', () => {
  test('at level four switches the clean-up off, and is no broken manifest', async () => {
    const path = `${host}/library/sample/.DS_Store`;
    put(path, Buffer.from([0, 0, 0, 1, 0x42, 0x75, 0x64, 0x31]));
    const report = await checkStore(store.path);
    assert.deepEqual(found(report), [illegal(path), noPrune(path)]);
    assert.equal(
      report.findings[1]?.message,
      `because of manifests/${path} Ollama does not clean up at its start`,
    );
    assert.equal(report.exitCode, 0);
  });

  for (const path of ['.DS_Store', `${host}/.DS_Store`, `${host}/library/.DS_Store`]) {
    test(`at level ${path.split('/').length} does not`, async () => {
      put(path, 'Bud1');
      assert.deepEqual(found(await checkStore(store.path)), [illegal(path)]);
    });
  }
});

describe('names that differ in case only', () => {
  const twin = (name: string): void => put(name);

  test('are told once for each group, with the first of them', async () => {
    twin(`${host}/library/Sample/latest`);
    twin(`${host}/library/SAMPLE/Latest`);
    twin(`${host}/library/other/latest`);
    const report = await checkStore(store.path);
    assert.deepEqual(
      report.findings.map(({ rule, bit, model, message }) => [rule, bit, model, message]),
      [
        [
          ...['name-case-collision', 0, `${host}/library/SAMPLE:Latest`],
          `3 models have names that differ in case only: ${host}/library/SAMPLE:Latest, ${host}/library/Sample:latest, ${host}/library/sample:latest; Ollama takes one for the other`,
        ],
      ],
    );
    assert.deepEqual([report.exitCode, report.summary.ok], [0, 4]);
  });

  test('are told of whichever of them was named', async () => {
    twin(`${host}/library/Sample/latest`);
    for (const name of ['sample', 'Sample']) {
      const report = await checkStore(store.path, { models: [name] });
      assert.deepEqual(
        report.findings.map(({ rule }) => rule),
        ['name-case-collision'],
        name,
      );
    }
    twin(`${host}/library/other/latest`);
    assert.deepEqual(found(await checkStore(store.path, { models: ['other'] })), []);
  });

  test('in the host too, with a port', async () => {
    twin('Mirror.corp:5000/library/sample/latest');
    twin('mirror.corp:5000/library/sample/latest');
    assert.deepEqual(
      (await checkStore(store.path)).findings.map(({ rule }) => rule),
      ['name-case-collision'],
    );
  });
});
