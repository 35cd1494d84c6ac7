import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { RuleId } from '../../src/findings/index.ts';
import { checkStore, found, statuses } from '../fixtures/check-store.ts';
import { asRoot, makeFifo, noFifo } from '../fixtures/odd-files.ts';
import { type SampleModel, sha256 } from '../fixtures/sample-store.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
let sample: SampleModel;
beforeEach(() => {
  store = new ScratchStore();
  sample = store.addModel();
});
afterEach(() => store.remove());

const path = 'manifests/registry.ollama.ai/library/sample/latest';
const pull = 'ollama pull sample:latest';

/** The manifest of the sample, changed. */
const rewrite = (change: (text: string) => string | Buffer): void =>
  writeFileSync(sample.manifestPath, change(sample.manifest));

const cases: readonly (readonly [string, RuleId, (text: string) => string | Buffer])[] = [
  ['is empty', 'manifest-broken', () => ''],
  ['is cut off', 'manifest-broken', (text) => text.slice(0, 100)],
  ['is a web page', 'manifest-broken', () => '<html>captive portal</html>'],
  ['is binary', 'manifest-broken', () => Buffer.from([0, 1, 2, 3])],
  ['is nested 100,000 deep', 'manifest-ambiguous', () => '['.repeat(100_000)],
  [
    'hides nesting 100,000 deep behind a good start',
    'manifest-ambiguous',
    (text) => `${text.slice(0, -1)},"annotations":${'{"a":'.repeat(100_000)}`,
  ],
  ['has a second "layers"', 'manifest-ambiguous', (text) => text.replace('"layers"', '"layers":[],"layers"')],
  ['has "LAYERS" beside "layers"', 'manifest-ambiguous', (text) => `${text.slice(0, -1)},"LAYERS":[]}`],
  [
    'has "layer\u017f" beside "layers"',
    'manifest-ambiguous',
    (text) => `${text.slice(0, -1)},"layer\u017f":[]}`,
  ],
  [
    'has "\\u006cayers" beside "layers"',
    'manifest-ambiguous',
    (text) => `${text.slice(0, -1)},"\\u006cayers":[]}`,
  ],
  ['spells "layers" in another case', 'manifest-ambiguous', (text) => text.replace('"layers"', '"Layers"')],
  ['spells "digest" in another case', 'manifest-ambiguous', (text) => text.replace('"digest"', '"Digest"')],
  ['starts with a byte order mark', 'manifest-ambiguous', (text) => `\ufeff${text}`],
  ['has bytes behind it', 'manifest-ambiguous', (text) => `${text}\n{}`],
  [
    'is not UTF-8',
    'manifest-ambiguous',
    (text) => Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0xff, 0x7d])]),
  ],
  [
    'has a size beyond 2^53',
    'manifest-ambiguous',
    (text) => text.replace(/"size":\d+/, '"size":9007199254740993'),
  ],
  ['has a size with a fraction', 'manifest-ambiguous', (text) => text.replace(/"size":(\d+)/, '"size":$1.5')],
  ['has a size with an exponent', 'manifest-ambiguous', (text) => text.replace(/"size":(\d+)/, '"size":1e3')],
  ['has a negative size', 'manifest-ambiguous', (text) => text.replace(/"size":(\d+)/, '"size":-$1')],
  [
    'has a digest in upper case',
    'manifest-ambiguous',
    (text) => text.replace(/sha256:[0-9a-f]{64}/, (digest) => `sha256:${digest.slice(7).toUpperCase()}`),
  ],
  [
    'has a digest with a path in it',
    'manifest-ambiguous',
    (text) => text.replace(/sha256:[0-9a-f]{64}/, 'sha256:../../../etc/passwd'),
  ],
  [
    'has another schema version',
    'manifest-ambiguous',
    (text) => text.replace('"schemaVersion":2', '"schemaVersion":1'),
  ],
  ['is an index of images', 'manifest-ambiguous', () => '{"schemaVersion":2,"manifests":[]}'],
  ['is an empty object, which Ollama calls a success', 'manifest-ambiguous', () => '{}'],
  ['has no layers at all', 'manifest-ambiguous', (text) => text.replace(/"layers":.*\]/, '"layers":[]')],
];

describe('a manifest', () => {
  for (const [what, rule, change] of cases) {
    test(`that ${what} is ${rule}, and its blobs are no orphans`, async () => {
      rewrite(change);
      const report = await checkStore(store.path);
      const told = report.findings.filter((finding) => finding.rule !== 'blob-orphan');
      assert.deepEqual(
        told.map((finding) => [finding.rule, finding.bit, finding.path, finding.model, finding.hint]),
        [[rule, 1, path, 'registry.ollama.ai/library/sample:latest', pull]],
      );
      assert.equal(told[0]?.digest, sha256(readFileSync(sample.manifestPath)));
      assert.deepEqual([report.exitCode, statuses(report)], [1, { 'sample:latest': 'altered' }]);
      // A digest that still stands in the text of a refused manifest is in use.
      const mentioned = readFileSync(sample.manifestPath, 'latin1').match(/sha256:[0-9a-f]{64}/g) ?? [];
      assert.equal(report.findings.length - told.length, 6 - new Set(mentioned).size);
      assert.equal(report.summary.hashedBytes, report.summary.bytes, 'and every blob is hashed all the same');
    });
  }

  test('of 100 MB is not read', async () => {
    truncateSync(sample.manifestPath, 100_000_000);
    const report = await checkStore(store.path, { subset: { part: 1, of: 2 } });
    const told = report.findings.filter(({ bit }) => bit !== 0);
    assert.deepEqual(
      told.map(({ rule, bit }) => [rule, bit]),
      [['manifest-too-large', 1]],
    );
    assert.equal(
      told[0]?.message,
      'the manifest of sample:latest has 100000000 bytes; no manifest has more than 4 MiB, and it was not read',
    );
    assert.deepEqual([report.exitCode, statuses(report)], [1, { 'sample:latest': 'altered' }]);
    assert.equal(report.models[0]?.manifestDigest, null);
  });

  test('of 4 MiB is read, and one byte more is not', async () => {
    const limit = 4 * 1024 * 1024;
    rewrite((text) => `${text}${' '.repeat(limit - text.length)}`);
    assert.deepEqual(found(await checkStore(store.path)), []);
    rewrite((text) => `${text}${' '.repeat(limit + 1 - text.length)}`);
    assert.deepEqual(found(await checkStore(store.path))[0], `manifest-too-large 1 ${path}`);
  });

  test('that nobody could read leaves no word that its blobs are to be removed', async () => {
    truncateSync(sample.manifestPath, 100_000_000);
    const { findings } = await checkStore(store.path);
    const orphans = findings.filter(({ rule }) => rule === 'blob-orphan');
    assert.deepEqual(new Set(orphans.map(({ hint }) => hint)), new Set([undefined]));
    assert.match(orphans[0]?.message ?? '', / is named by no manifest that could be read; /);
    rmSync(sample.manifestPath);
    const later = await checkStore(store.path);
    assert.match(later.findings[0]?.hint ?? '', /^rm /);
  });
});

describe('in the place of a manifest', () => {
  /** The one finding, whose hint removes what lies there first. */
  const assertUnreadable = async (problem: string): Promise<void> => {
    const report = await checkStore(store.path);
    const told = report.findings.filter(({ rule }) => rule !== 'blob-orphan');
    assert.deepEqual(
      told.map(({ rule, bit, message, hint }) => [rule, bit, message, hint]),
      [
        [
          ...['manifest-unreadable', 4, `the manifest of sample:latest cannot be read: ${problem}`],
          `rm ${sample.manifestPath} && ${pull}`,
        ],
      ],
    );
    assert.deepEqual([report.exitCode, statuses(report)], [4, { 'sample:latest': 'unchecked' }]);
  };

  test('a FIFO is not opened', { skip: noFifo() }, async () => {
    rmSync(sample.manifestPath);
    makeFifo(sample.manifestPath);
    await assertUnreadable('it is not a regular file');
  });

  test('a link to nowhere is no manifest', async () => {
    rmSync(sample.manifestPath);
    symlinkSync('/nonexistent/manifest', sample.manifestPath);
    await assertUnreadable('a link that leads nowhere (dangling)');
  });

  test('a link to itself is no manifest', async () => {
    rmSync(sample.manifestPath);
    symlinkSync('latest', sample.manifestPath);
    await assertUnreadable('a link that leads nowhere (loop)');
  });

  test('a file that this user may not read is told, with the command that shows why', {
    skip: asRoot(),
  }, async () => {
    chmodSync(sample.manifestPath, 0);
    const report = await checkStore(store.path);
    const told = report.findings.filter(({ rule }) => rule !== 'blob-orphan');
    assert.deepEqual(
      told.map(({ rule, bit, hint }) => [rule, bit, hint]),
      [['manifest-unreadable', 4, `ls -l ${sample.manifestPath}`]],
    );
    assert.deepEqual(statuses(report), { 'sample:latest': 'unchecked' });
  });

  test('a directory is no model, and neither is what lies in it', async () => {
    rmSync(sample.manifestPath);
    mkdirSync(sample.manifestPath);
    writeFileSync(`${sample.manifestPath}/deeper`, sample.manifest);
    const report = await checkStore(store.path);
    assert.deepEqual(
      found(report).filter((line) => !line.startsWith('blob-orphan')),
      [`name-illegal 0 ${path}/deeper`],
    );
    assert.deepEqual([report.exitCode, report.models], [0, []]);
  });
});

describe('a manifest that gives a sound blob another size', () => {
  test('is blamed when another manifest gives the right one', async () => {
    const other = store.addModel('registry.ollama.ai/library/other:latest');
    writeFileSync(
      other.manifestPath,
      other.manifest.replace(/("digest":"sha256:[0-9a-f]{64}","size":)(\d+)\}\]/, '$11$2}]'),
    );
    const report = await checkStore(store.path);
    const size = readFileSync(sample.blob('license')).length;
    assert.deepEqual(
      report.findings.map(({ rule, bit, model, layer, path: where, expected, actual, hint }) => [
        rule,
        bit,
        model,
        layer,
        where,
        expected,
        actual,
        hint,
      ]),
      [
        [
          'manifest-size-wrong',
          1,
          'registry.ollama.ai/library/other:latest',
          'license',
          'manifests/registry.ollama.ai/library/other/latest',
          `${size}`,
          `1${size}`,
          'ollama pull other:latest',
        ],
      ],
    );
    assert.deepEqual(
      [report.exitCode, statuses(report)],
      [1, { 'other:latest': 'altered', 'sample:latest': 'ok' }],
    );
  });

  test('cannot be told from a wrong blob when it is the only one', async () => {
    rewrite((text) => text.replace(/"size":(\d+)\}\]/, '"size":1$1}]'));
    const report = await checkStore(store.path);
    assert.deepEqual(
      report.findings.map(({ rule, bit, layer }) => [rule, bit, layer]),
      [['blob-wrong-size', 1, 'license']],
    );
    assert.equal(report.exitCode, 1);
  });

  test('is blamed for an empty blob under the digest of nothing', async () => {
    const empty = store.addModel('registry.ollama.ai/library/empty:latest', [
      { kind: 'system', bytes: Buffer.alloc(0) },
    ]);
    assert.deepEqual(found(await checkStore(store.path)), []);
    writeFileSync(empty.manifestPath, empty.manifest.replace('"size":0', '"size":7'));
    const report = await checkStore(store.path);
    assert.deepEqual(
      report.findings.map(({ rule, expected, actual }) => [rule, expected, actual]),
      [['manifest-size-wrong', '0', '7']],
    );
  });
});
