import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { checkStore, failures } from '../fixtures/check-store.ts';
import { addSampleModel, sampleLayers, writeBlob, writeManifest } from '../fixtures/sample-store.ts';

let folder: string;
let store: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'vm-must-hold-')));
  store = join(folder, 'models');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const model = (name: string) =>
  addSampleModel(
    store,
    `registry.ollama.ai/library/${name}:latest`,
    sampleLayers(`You are ${name}.\n`, name),
  );

function flip(path: string, at = 0, bit = 0): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
  writeFileSync(path, bytes);
}

describe('what must hold of a check', () => {
  test('five damages in one store give exactly those five findings, and 13 as the sum of their bits', async () => {
    const [flipped, cut, lost, linked] = ['flipped', 'cut', 'lost', 'linked'].map(model);
    const good = model('twofold');
    flip(flipped?.blob('system') ?? '', 3, 2);
    truncateSync(cut?.blob('model') ?? '', 1000);
    rmSync(lost?.blob('system') ?? '');
    renameSync(linked?.blob('system') ?? '', join(folder, 'elsewhere'));
    symlinkSync(join(folder, 'elsewhere'), linked?.blob('system') ?? '');
    writeManifest(store, good.name, good.manifest.replace('"layers":', '"LAYERS":[],"layers":'));
    const report = await checkStore(store);
    assert.deepEqual(failures(report), [
      'blob-altered 1',
      'blob-link-outside 4',
      'blob-missing 8',
      'blob-wrong-size 1',
      'manifest-ambiguous 1',
    ]);
    assert.equal(report.findings.length, 5);
    assert.equal(report.exitCode, 13);
    const status = report.models.map(({ shortName, status: is }) => `${shortName} ${is}`);
    assert.deepEqual(status, [
      'cut:latest altered',
      'flipped:latest altered',
      'linked:latest unchecked',
      'lost:latest missing',
      'twofold:latest altered',
    ]);
  });

  test('a damaged byte anywhere in any blob, referenced or not, is found', async () => {
    const sample = model('sample');
    const orphan = writeBlob(store, Buffer.from('nobody names these bytes'));
    const names = readdirSync(join(store, 'blobs')).sort();
    const property = fc.asyncProperty(
      fc.nat(),
      fc.nat(),
      fc.integer({ min: 0, max: 7 }),
      async (which, where, bit) => {
        const path = join(store, 'blobs', names[which % names.length] ?? '');
        const at = where % lstatSync(path).size;
        flip(path, at, bit);
        const report = await checkStore(store);
        flip(path, at, bit);
        const rule = path.endsWith(orphan.slice('sha256:'.length)) ? 'orphan-altered 1' : 'blob-altered 1';
        assert.deepEqual(failures(report), [rule]);
        assert.equal(report.exitCode, 1);
      },
    );
    await fc.assert(property, { numRuns: 25 });
    assert.equal((await checkStore(store, { models: [sample.name] })).exitCode, 0);
  });

  test('no bytes in the place of a manifest make it throw or write', async () => {
    const sample = model('sample');
    const text = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((json) => Buffer.from(json)),
      fc.tuple(fc.nat(), fc.string({ maxLength: 8 })).map(([at, put]) => {
        const cut = at % sample.manifest.length;
        return Buffer.from(sample.manifest.slice(0, cut) + put + sample.manifest.slice(cut + put.length));
      }),
    );
    const property = fc.asyncProperty(text, async (bytes) => {
      writeFileSync(sample.manifestPath, bytes);
      const before = stateOf(store);
      const report = await checkStore(store);
      assert.deepEqual(stateOf(store), before);
      assert.equal(report.models.length, 1);
      if (!bytes.equals(Buffer.from(sample.manifest)))
        assert.equal(report.models[0]?.manifestDigest !== null, true);
    });
    await fc.assert(property, { numRuns: 60 });
  });

  test('a run leaves the store as it was: contents, times and modes of every entry', async () => {
    const sample = model('sample');
    model('other');
    flip(sample.blob('system'));
    truncateSync(sample.blob('template'), 3);
    writeFileSync(join(store, 'blobs', 'README.txt'), 'foreign');
    symlinkSync('/dev/null', join(store, 'blobs', `sha256-${'0'.repeat(64)}`));
    const before = stateOf(store);
    const report = await checkStore(store);
    assert.equal(report.exitCode, 5);
    assert.deepEqual(stateOf(store), before);
  });
});

/** Everything below a directory: type and mode, size, both times in nanoseconds, and contents. */
function stateOf(path: string): string[] {
  const stat = lstatSync(path, { bigint: true });
  const own = [path, stat.mode, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ');
  if (stat.isDirectory())
    return [
      own,
      ...readdirSync(path)
        .sort()
        .flatMap((name) => stateOf(join(path, name))),
    ];
  return [stat.isFile() ? `${own} ${readFileSync(path).toString('base64')}` : own];
}
