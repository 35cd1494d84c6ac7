import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { checkStore, found, statuses } from '../fixtures/check-store.ts';
import { flipBit } from '../fixtures/damage.ts';
import { type SampleModel, sampleConfig, sampleLayers } from '../fixtures/sample-store.ts';
import { blobName, ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
beforeEach(() => {
  store = new ScratchStore();
});
afterEach(() => store.remove());

const full = (name: string): string => `registry.ollama.ai/library/${name}:latest`;
const remote = sampleConfig({ remote_host: 'https://ollama.com:443', remote_model: 'big' });

const add = (config: Buffer): SampleModel => store.addModel(full('sample'), sampleLayers(), config);

/** A model without layers, as Ollama writes one that answers from elsewhere. */
function addStub(config: Buffer): SampleModel {
  const model = store.addModel(full('stub'), [], config);
  writeFileSync(model.manifestPath, model.manifest.replace('"layers":[]', '"layers":null'));
  return model;
}

describe('a config that names another host', () => {
  test('with layers: the model is complete, and remote', async () => {
    const model = add(remote);
    const report = await checkStore(store.path);
    assert.deepEqual(
      report.findings.map(({ rule, bit, model: name, layer, path, actual, message, hint }) => [
        rule,
        bit,
        name,
        layer,
        path,
        actual,
        message,
        hint,
      ]),
      [
        [
          ...[
            'model-remote',
            0,
            full('sample'),
            'config',
            blobName(model.digest('config')),
            'https://ollama.com:443',
          ],
          'sample:latest is remote: prompts leave this machine, to https://ollama.com:443',
          'ollama rm sample:latest',
        ],
      ],
    );
    assert.deepEqual([report.exitCode, statuses(report)], [0, { 'sample:latest': 'ok' }]);
  });

  test('with `layers: null`: the model is complete, and remote', async () => {
    const model = addStub(remote);
    const report = await checkStore(store.path);
    assert.deepEqual(found(report), [`model-remote 0 ${blobName(model.digest('config'))}`]);
    assert.deepEqual(
      [report.exitCode, statuses(report), report.summary.blobs],
      [0, { 'stub:latest': 'ok' }, 1],
    );
  });

  test('is told for each model that has it, under --quick and --subset too', async () => {
    for (const name of ['a', 'b']) store.addModel(full(name), sampleLayers(), remote);
    for (const limits of [
      {},
      { quick: true },
      { subset: { part: 1, of: 2 } },
      { subset: { part: 2, of: 2 } },
    ]) {
      const report = await checkStore(store.path, limits);
      const told = report.findings.filter(({ rule }) => rule === 'model-remote');
      assert.deepEqual(
        told.map(({ model }) => model),
        [full('a'), full('b')],
      );
    }
  });

  test('says nothing once its bytes are other ones: then the blob is altered, and no more is known', async () => {
    const model = add(remote);
    flipBit(model.blob('config'), remote.indexOf('file_type'), 0);
    assert.deepEqual(found(await checkStore(store.path)), [
      `blob-altered 1 ${blobName(model.digest('config'))}`,
    ]);
  });
});

describe('a config that two readers could take for two', () => {
  const text = sampleConfig().toString().trim();
  const cases = {
    'remote_host twice': `${text.slice(0, -1)},"remote_host":"","remote_host":"evil"}`,
    Remote_Host: `${text.slice(0, -1)},"Remote_Host":"evil"}`,
    'bytes behind it': `${text} {"remote_host":"evil"}`,
    'a byte order mark': `\ufeff${text}`,
    'no JSON in it': 'GGUF',
    'a number for a host': `${text.slice(0, -1)},"remote_host":1}`,
    'more than 1 MiB': `${text}${' '.repeat(1024 * 1024)}`,
  };
  for (const [what, bytes] of Object.entries(cases)) {
    test(`has ${what}: refused, although the bytes are right`, async () => {
      const model = add(Buffer.from(bytes));
      const report = await checkStore(store.path);
      assert.deepEqual(
        report.findings.map(({ rule, bit, layer, digest, hint }) => [rule, bit, layer, digest, hint]),
        [['config-ambiguous', 1, 'config', model.digest('config'), 'ollama rm sample:latest']],
      );
      assert.match(report.findings[0]?.message ?? '', /^the config of sample:latest is refused: ./);
      assert.deepEqual([report.exitCode, statuses(report)], [1, { 'sample:latest': 'altered' }]);
    });
  }

  test('is read once for all models that share it, and told of each', async () => {
    for (const name of ['a', 'b']) store.addModel(full(name), sampleLayers(), Buffer.from('{}{}'));
    const report = await checkStore(store.path);
    assert.deepEqual(
      report.findings.map(({ rule, model }) => [rule, model]),
      [
        ['config-ambiguous', full('a')],
        ['config-ambiguous', full('b')],
      ],
    );
  });

  test('and is not the right one at all is altered, and nothing else: its content is not judged', async () => {
    const model = add(sampleConfig());
    writeFileSync(model.blob('config'), Buffer.alloc(2 * 1024 * 1024, 0x20));
    assert.deepEqual(found(await checkStore(store.path)), [
      `blob-wrong-size 1 ${blobName(model.digest('config'))}`,
    ]);
  });

  test('and was not hashed in this run is not judged either when it is larger than any', async () => {
    add(Buffer.alloc(2 * 1024 * 1024, 0x20));
    const report = await checkStore(store.path, { quick: true });
    assert.deepEqual(found(report), ['check-partial 0 -']);
    assert.deepEqual(statuses(report), { 'sample:latest': 'unchecked' });
  });
});

describe('a manifest without layers', () => {
  test('whose config names no host is no model at all', async () => {
    addStub(sampleConfig());
    const report = await checkStore(store.path);
    assert.deepEqual(
      report.findings.map(({ rule, bit, message, hint }) => [rule, bit, message, hint]),
      [
        [
          'manifest-ambiguous',
          1,
          'the manifest of stub:latest has no layers, and its config names no remote host',
          'ollama pull stub:latest',
        ],
      ],
    );
    assert.deepEqual([report.exitCode, statuses(report)], [1, { 'stub:latest': 'altered' }]);
  });
});

describe('a config that goes away after it was hashed', () => {
  test('leaves its model unchecked: whether it is remote is not known', async () => {
    const model = add(remote);
    // The config is read for its content last of all: the finding about the altered licence comes before.
    flipBit(model.blob('license'), 0, 0);
    const report = await checkStore(store.path, {
      observer: {
        finding: ({ rule }) => {
          if (rule === 'blob-altered') writeFileSync(model.blob('config'), sampleConfig());
        },
      },
    });
    assert.deepEqual(found(report), [
      `blob-altered 1 ${blobName(model.digest('license'))}`,
      `blob-changed 4 ${blobName(model.digest('config'))}`,
    ]);
    assert.equal(report.exitCode, 5);
  });
});
