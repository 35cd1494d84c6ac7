import assert from 'node:assert/strict';
import { readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { checkStore, checkTime, found, statuses } from '../fixtures/check-store.ts';
import { flipBit } from '../fixtures/damage.ts';
import { sampleConfig, sampleLayers, sha256 } from '../fixtures/sample-store.ts';
import { blobName, ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
beforeEach(() => {
  store = new ScratchStore();
});
afterEach(() => store.remove());

const full = (name: string): string => `registry.ollama.ai/library/${name}:latest`;
const words = (name: string): string => `You are ${name}.\n`;
const config = (name: string): Buffer => sampleConfig({ base_name: name });

/** A model with a system prompt and a config of its own; the rest it shares with the others. */
const add = (name: string) => store.addModel(full(name), sampleLayers(words(name)), config(name));

describe('a sound store', () => {
  test('is ok: nothing is found, every byte was hashed, the exit status is 0', async () => {
    const model = add('sample');
    const report = await checkStore(store.path);
    assert.deepEqual(report.findings, []);
    assert.deepEqual(report.unlisted, []);
    assert.deepEqual([report.exitCode, report.partial, report.allowList], [0, false, null]);
    assert.deepEqual([report.store, report.startedAt], [store.path, checkTime]);
    const sizes = [
      ...sampleLayers(words('sample')).map(({ bytes }) => bytes.length),
      config('sample').length,
    ];
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    assert.deepEqual(report.summary, {
      ...{ models: 1, blobs: 6, bytes, hashedBytes: bytes },
      ...{ ok: 1, altered: 0, untrusted: 0, missing: 0, unchecked: 0, orphans: 0, partials: 0 },
    });
    assert.deepEqual(report.models, [
      {
        name: full('sample'),
        shortName: 'sample:latest',
        manifestDigest: sha256(readFileSync(model.manifestPath)),
        status: 'ok',
        bytes: bytes + model.manifest.length,
      },
    ]);
    const blobs = [...report.blobs];
    assert.deepEqual(
      blobs.map((blob) => blob.bytes),
      sizes.sort((a, b) => b - a),
      'biggest first',
    );
    assert.deepEqual(new Set(blobs.map(({ proof }) => proof)), new Set(['whole']));
    assert.deepEqual([...report.blobs], blobs, 'and can be walked again');
  });

  test('without models is ok, and says that there are none', async () => {
    const { exitCode, findings, summary, models } = await checkStore(store.path);
    assert.deepEqual([exitCode, findings, summary.models, models], [0, [], 0, []]);
  });

  test('without manifests/ and blobs/ is a fresh one', async () => {
    rmSync(store.at('manifests'), { recursive: true });
    rmSync(store.at('blobs'), { recursive: true });
    const { exitCode, findings } = await checkStore(store.path);
    assert.deepEqual([exitCode, findings], [0, []]);
  });

  test('that is not there any more is an error, not a sound store', async () => {
    rmSync(store.path, { recursive: true });
    await assert.rejects(checkStore(store.path), { code: 'STORE_UNREADABLE' });
  });
});

describe('one store with one flipped bit, one cut, one deleted, one linked blob and one ambiguous manifest', () => {
  test('has exactly those five findings, and exit status 1|4|8', async () => {
    const names = ['ambiguous', 'cut', 'deleted', 'flipped', 'linked', 'untouched'];
    const models = new Map(names.map((name) => [name, add(name)] as const));
    const system = (name: string) => models.get(name)?.blob('system') ?? '';
    const digest = (name: string) => models.get(name)?.digest('system') ?? '';
    const manifest = models.get('ambiguous');
    flipBit(system('flipped'), 3, 5);
    truncateSync(system('cut'), 4);
    rmSync(system('deleted'));
    renameSync(system('linked'), store.beside('elsewhere'));
    symlinkSync(store.beside('elsewhere'), system('linked'));
    const text = manifest?.manifest ?? '';
    const layers = text.slice(text.indexOf('"layers":') + '"layers":'.length, -1);
    writeFileSync(manifest?.manifestPath ?? '', `${text.slice(0, -1)},"LAYERS":${layers}}`);

    const report = await checkStore(store.path, { jobs: 2 });
    assert.equal(report.exitCode, 1 | 4 | 8);
    assert.deepEqual(
      report.findings.map(({ rule, severity, bit, model, layer, digest: hit, expected, actual }) => ({
        ...{ rule, severity, bit, model, layer, digest: hit, expected, actual },
      })),
      [
        {
          ...{ rule: 'blob-altered', severity: 'error', bit: 1, model: full('flipped'), layer: 'system' },
          digest: digest('flipped'),
          expected: digest('flipped'),
          actual: sha256(readFileSync(system('flipped'))),
        },
        {
          ...{ rule: 'blob-link-outside', severity: 'error', bit: 4, model: full('linked'), layer: 'system' },
          ...{ digest: digest('linked'), expected: undefined, actual: store.beside('elsewhere') },
        },
        {
          ...{ rule: 'blob-missing', severity: 'error', bit: 8, model: full('deleted'), layer: 'system' },
          ...{ digest: digest('deleted'), expected: digest('deleted'), actual: undefined },
        },
        {
          ...{ rule: 'blob-wrong-size', severity: 'error', bit: 1, model: full('cut'), layer: 'system' },
          ...{ digest: digest('cut'), expected: `${words('cut').length}`, actual: '4' },
        },
        {
          ...{ rule: 'manifest-ambiguous', severity: 'error', bit: 1, model: full('ambiguous') },
          ...{ layer: undefined, digest: sha256(readFileSync(manifest?.manifestPath ?? '')) },
          ...{ expected: undefined, actual: undefined },
        },
      ],
    );
    assert.deepEqual(statuses(report), {
      'ambiguous:latest': 'altered',
      'cut:latest': 'altered',
      'deleted:latest': 'missing',
      'flipped:latest': 'altered',
      'linked:latest': 'unchecked',
      'untouched:latest': 'ok',
    });
    assert.deepEqual([report.partial, report.summary.ok, report.summary.altered], [false, 1, 3]);
  });
});

describe('a blob that several models share', () => {
  test('is hashed once', async () => {
    for (const name of ['a', 'b', 'c']) store.addModel(full(name));
    const { summary, findings } = await checkStore(store.path, { jobs: 2 });
    assert.deepEqual([summary.models, summary.blobs, summary.ok], [3, 6, 3]);
    assert.equal(summary.hashedBytes, summary.bytes);
    assert.deepEqual(findings, []);
  });

  test('is one finding when it is altered, which names its layer in all of them and hits all of them', async () => {
    const [first] = ['b', 'a', 'f', 'e', 'd', 'c', 'g'].map((name) => store.addModel(full(name)));
    store.addModel(full('other'), [{ kind: 'system', bytes: Buffer.from('another') }], config('other'));
    flipBit(first?.blob('template') ?? '', 0, 0);
    const report = await checkStore(store.path);
    assert.deepEqual(found(report), [`blob-altered 1 ${blobName(first?.digest('template') ?? '')}`]);
    assert.equal(report.findings[0]?.model, full('a'));
    assert.equal(
      report.findings[0]?.message,
      'the template layer of a:latest, b:latest, c:latest, d:latest, e:latest and 2 more models' +
        ' is altered (two readings agree); intact: config, weights, system, params, license',
    );
    assert.deepEqual([report.summary.altered, report.summary.ok], [7, 1]);
    assert.equal(report.summary.hashedBytes, report.summary.bytes, 'a second reading does not count');
  });

  test('is called what each of its models calls it', async () => {
    const bytes = Buffer.from('both a system prompt and a licence');
    store.addModel(full('a'), [{ kind: 'system', bytes }]);
    const other = store.addModel(full('b'), [{ kind: 'license', bytes }]);
    flipBit(other.blob('license'), 1, 1);
    const { findings } = await checkStore(store.path);
    assert.match(
      findings[0]?.message ?? '',
      /^the system layer of a:latest and the license layer of b:latest is altered/,
    );
  });
});

describe('--fail-on', () => {
  test('makes a rule fail that normally does not, with its own bit, and no other', async () => {
    store.addModel(full('sample'));
    writeFileSync(store.at('blobs', 'README'), 'foreign');
    writeFileSync(store.blob(sha256(Buffer.from('orphan'))), 'orphan');
    const calm = await checkStore(store.path);
    assert.deepEqual([calm.exitCode, calm.findings.map(({ bit }) => bit)], [0, [0, 0]]);
    const strict = await checkStore(store.path, { failOn: new Set(['blob-foreign', 'blob-hard-link']) });
    assert.deepEqual(
      strict.findings.map(({ rule, severity, bit }) => [rule, severity, bit]),
      [
        ['blob-foreign', 'error', 1],
        ['blob-orphan', 'info', 0],
      ],
    );
    assert.deepEqual([strict.exitCode, statuses(strict)], [1, { 'sample:latest': 'ok' }]);
  });
});
