import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { checkStore, found, statuses } from '../fixtures/check-store.ts';
import { flipBit } from '../fixtures/damage.ts';
import { type SampleModel, sampleConfig, sampleLayers, sha256 } from '../fixtures/sample-store.ts';
import { blobName, ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
let models: Map<string, SampleModel>;
const host = 'registry.ollama.ai';
const names = [
  `${host}/library/llama3.2:1b`,
  `${host}/library/llama3.2:latest`,
  `${host}/library/mistral:latest`,
  `${host}/somebody/mistral:latest`,
  'mirror.corp:5000/library/mistral:latest',
  `${host}/library/Mixed:Latest`,
];
beforeEach(() => {
  store = new ScratchStore();
  models = new Map(
    names.map((name) => [name, store.addModel(name, sampleLayers(name), sampleConfig({ base_name: name }))]),
  );
});
afterEach(() => store.remove());

const chosen = async (...words: string[]): Promise<string[]> =>
  (await checkStore(store.path, { models: words })).models.map(({ name }) => name);

describe('a word', () => {
  test('means the model as `ollama list` shows it, or in full', async () => {
    assert.deepEqual(await chosen('llama3.2:1b'), [names[0]]);
    assert.deepEqual(await chosen('llama3.2'), [names[1]]);
    assert.deepEqual(await chosen('somebody/mistral'), [names[3]]);
    assert.deepEqual(await chosen('mirror.corp:5000/library/mistral'), [names[4]]);
    assert.deepEqual(await chosen(`${host}/library/mistral:latest`), [names[2]]);
  });

  test('means the only model that is equal without regard to case, as Ollama looks names up', async () => {
    assert.deepEqual(await chosen('MISTRAL'), [names[2]]);
    assert.deepEqual(await chosen('mixed'), [names[5]]);
    assert.deepEqual(await chosen('Registry.Ollama.AI/LIBRARY/mixed:LATEST'), [names[5]]);
  });

  test('that is spelled exactly as one of several means that one', async () => {
    store.addModel(`${host}/library/mixed:latest`);
    assert.deepEqual(await chosen('mixed'), [`${host}/library/mixed:latest`]);
    assert.deepEqual(await chosen('Mixed:Latest'), [names[5]]);
  });

  test('that several differ from in case only is asked for again', async () => {
    store.addModel(`${host}/library/mixed:latest`);
    await assert.rejects(chosen('MIXED'), {
      code: 'USAGE',
      message: 'MIXED could be any of Mixed:Latest, mixed:latest: type it as it is spelled there',
    });
  });

  test('may be repeated; the report has each model once, sorted', async () => {
    assert.deepEqual(await chosen('mistral', 'llama3.2:1b', 'MISTRAL:latest'), [names[0], names[2]]);
  });
});

describe('a word that means nothing', () => {
  const suggestions: readonly (readonly [string, string])[] = [
    ['llama3.2:1B2', 'did you mean: verify-models llama3.2:1b'],
    ['lama3.2', 'did you mean: verify-models llama3.2'],
    ['mistrl:latest', 'did you mean: verify-models mistral:latest'],
    ['chekc', 'did you mean: verify-models check'],
    ['EXPLAIN!', 'did you mean: verify-models explain'],
    ['something-quite-different', 'verify-models list'],
    ['', 'verify-models list'],
    ['../../etc/passwd', 'verify-models list'],
    ['sha256:0000', 'verify-models list'],
  ];
  for (const [word, hint] of suggestions) {
    test(`is answered with the nearest one: ${JSON.stringify(word)}`, async () => {
      await assert.rejects(chosen('mistral', word), {
        ...{ code: 'COMMAND_UNKNOWN', exitStatus: 64, hint },
        message: `${word} is neither a command nor a model in this store`,
      });
    });
  }

  test('and has a million characters is answered in one line', async () => {
    const word = 'm'.repeat(1_000_000);
    await assert.rejects(chosen(word), {
      code: 'COMMAND_UNKNOWN',
      message: `${word.slice(0, 120)} is neither a command nor a model in this store`,
      hint: 'verify-models list',
    });
  });
});

describe('with models named', () => {
  const damaged = (name: string, kind: string): string => {
    const model = models.get(name);
    flipBit(model?.blob(kind) ?? '', 1, 1);
    return blobName(model?.digest(kind) ?? '');
  };

  test('only their blobs are hashed, and only they are reported', async () => {
    const hit = damaged(names[0] ?? '', 'system');
    damaged(names[2] ?? '', 'system');
    writeFileSync(models.get(names[3] ?? '')?.manifestPath ?? '', '{');
    writeFileSync(store.blob(sha256(Buffer.from('orphan'))), 'altered');
    writeFileSync(store.at('manifests', '.DS_Store'), 'Bud1');
    const report = await checkStore(store.path, { models: ['llama3.2:1b'] });
    assert.deepEqual(found(report), [`blob-altered 1 ${hit}`]);
    assert.deepEqual(statuses(report), { 'llama3.2:1b': 'altered' });
    assert.deepEqual([report.summary.blobs, report.summary.orphans, report.partial], [6, 0, false]);
    assert.equal((await checkStore(store.path, { models: ['llama3.2'] })).exitCode, 0);
  });

  test('what is wrong with their manifests is reported', async () => {
    writeFileSync(models.get(names[3] ?? '')?.manifestPath ?? '', '{');
    const report = await checkStore(store.path, { models: ['somebody/mistral'] });
    assert.deepEqual(found(report), [`manifest-broken 1 manifests/${host}/somebody/mistral/latest`]);
    assert.deepEqual([report.exitCode, statuses(report)], [1, { 'somebody/mistral:latest': 'altered' }]);
  });
});
