import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { newIo, runMain, runMainWith } from '../../fixtures/run-main.ts';
import { addSampleModel, sampleConfig, sampleLayers, writeManifest } from '../../fixtures/sample-store.ts';

let store: string;

beforeEach(() => {
  store = realpathSync(mkdtempSync(join(tmpdir(), 'vm-')));
});

afterEach(() => rmSync(store, { recursive: true, force: true }));

const idOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

const list = (...words: string[]) => runMain(['list', '--store', store, ...words]);

describe('list', () => {
  test('shows the models as ollama list does, and ends with the command that checks this store', async () => {
    const sample = addSampleModel(store);
    const other = addSampleModel(
      store,
      'hf.co/some/Other-GGUF:Q4_K_M',
      sampleLayers('Other.', 'other'),
      sampleConfig({ model_type: '7B', file_type: 'Q4_K_M' }),
    );
    const { status, stdout, stderr } = await list();
    assert.deepEqual([status, stderr], [0, '']);
    assert.deepEqual(stdout.split('\n'), [
      'NAME                          ID            SIZE     PARAMETERS  QUANTISATION  STATE',
      `hf.co/some/Other-GGUF:Q4_K_M  ${idOf(other.manifest)}  18.1 kB  7B          Q4_K_M        not checked`,
      `sample:latest                 ${idOf(sample.manifest)}  18.2 kB  4.1K        F32           not checked`,
      `next: verify-models --store ${store}`,
      '',
    ]);
  });

  test('with --json gives full names and exact sizes', async () => {
    const { manifest } = addSampleModel(store);
    const { status, stdout } = await list('--json');
    assert.equal(status, 0);
    const [model, ...more] = JSON.parse(stdout).models;
    assert.deepEqual(more, []);
    assert.deepEqual(model, {
      name: 'registry.ollama.ai/library/sample:latest',
      id: idOf(manifest),
      bytes: model.bytes,
      parameters: '4.1K',
      quantisation: 'F32',
      state: 'not checked',
    });
    const { config, layers } = JSON.parse(manifest);
    const sizes = [config, ...layers].map(({ size }: { size: number }) => size);
    assert.equal(
      model.bytes,
      sizes.reduce((sum, size) => sum + size, manifest.length),
    );
  });

  test('of an empty store is an empty list', async () => {
    const { status, stdout } = await list('--json');
    assert.deepEqual([status, JSON.parse(stdout).models], [0, []]);
  });

  test('names a model whose manifest is broken or no file, and says that it is unreadable', async () => {
    addSampleModel(store);
    writeManifest(store, 'registry.ollama.ai/library/broken:latest', '{"layers":');
    mkdirSync(join(store, 'manifests', 'registry.ollama.ai', 'library', 'fifth', 'level'), {
      recursive: true,
    });
    const { status, stdout } = await list();
    assert.equal(status, 0);
    assert.match(stdout, /\nbroken:latest +\w{12} +10 B +- +- +unreadable\n/);
    assert.match(stdout, /\nsample:latest .* not checked\n/);
    assert.doesNotMatch(stdout, /fifth/);
  });

  test('shows dashes for a model whose config is missing, altered, or says nothing', async () => {
    const one = addSampleModel(
      store,
      'registry.ollama.ai/library/one:latest',
      sampleLayers('1'),
      sampleConfig({ n: 1 }),
    );
    const two = addSampleModel(
      store,
      'registry.ollama.ai/library/two:latest',
      sampleLayers('2'),
      sampleConfig({ n: 2 }),
    );
    addSampleModel(store, 'registry.ollama.ai/library/three:latest', sampleLayers('3'), Buffer.from('{}'));
    unlinkSync(one.blob('config'));
    writeFileSync(two.blob('config'), '{"model_type":"1B","file_type":"F16"}');
    const { stdout } = await list();
    for (const name of ['one', 'two', 'three']) {
      assert.match(stdout, new RegExp(`\\n${name}:latest +\\w{12} +[\\d.]+ k?B +- +- +not checked\\n`));
    }
  });

  test('prints a long name in full, so that it can be typed, and keeps the other rows narrow', async () => {
    const long = `${'m'.repeat(80)}:${'t'.repeat(80)}`;
    writeManifest(store, `registry.ollama.ai/library/${long}`, '{}');
    addSampleModel(store);
    const { stdout } = await list();
    assert.ok(stdout.includes(`\n${long}  `));
    const row = stdout.split('\n').find((line) => line.startsWith('sample:latest'));
    assert.ok((row?.length ?? 999) <= 130, row);
  });

  test('cuts what a config says to a column, and shows no character of it that a terminal would obey', async () => {
    const config = sampleConfig({ model_type: '\u001b[31m7B\u202e', file_type: 'Q'.repeat(1000) });
    addSampleModel(store, undefined, undefined, config);
    const { stdout } = await list();
    assert.match(stdout, / \\u\{1b\}\[31m7B\\u\{202e\} +Q{20} \.\.\.\(980 more characters\) /);
    const { models } = JSON.parse((await list('--json')).stdout);
    assert.equal(models[0].parameters, '\u001b[31m7B\u202e');
  });

  test('with --quiet leaves the next command out', async () => {
    addSampleModel(store);
    assert.doesNotMatch((await list('--quiet')).stdout, /next: /);
  });

  test('that a signal ended prints nothing and ends with its status', async () => {
    addSampleModel(store);
    for (const status of [130, 143]) {
      const io = newIo();
      io.interrupt(status);
      const run = await runMainWith(io, ['list', '--store', store]);
      assert.deepEqual([run.status, run.stdout, run.stderr], [status, '', '']);
    }
  });
});
