import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { checkStore, checkTime, found, statuses } from '../fixtures/check-store.ts';
import { flipBit } from '../fixtures/damage.ts';
import { makeFifo, noFifo } from '../fixtures/odd-files.ts';
import { type SampleModel, sha256 } from '../fixtures/sample-store.ts';
import { blobName, ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
let sample: SampleModel;
let digest: string;
let proper: string;
beforeEach(() => {
  store = new ScratchStore();
  sample = store.addModel();
  digest = sample.digest('system');
  proper = blobName(digest);
});
afterEach(() => store.remove());

const ok = { 'sample:latest': 'ok' };
const altered = { 'sample:latest': 'altered' };
const other = `${'0123456789abcdef'.repeat(4)}`;

describe('a blob under its old name with a colon', () => {
  const colon = (): string => store.at('blobs', digest);

  test('stands for the blob where the proper name is missing', async () => {
    renameSync(sample.blob('system'), colon());
    const report = await checkStore(store.path);
    assert.deepEqual(
      report.findings.map(({ rule, bit, path, digest: hit, message }) => [rule, bit, path, hit, message]),
      [
        [
          'blob-name-colon',
          0,
          `blobs/${digest}`,
          digest,
          `blobs/${digest} has the old name with a colon; at its next start Ollama renames it over ${proper.slice(6)}`,
        ],
      ],
    );
    assert.deepEqual([report.exitCode, statuses(report), report.summary.orphans], [0, ok, 0]);
  });

  test('is altered under that name', async () => {
    renameSync(sample.blob('system'), colon());
    flipBit(colon(), 0, 0);
    const report = await checkStore(store.path);
    assert.deepEqual(found(report), [`blob-altered 1 blobs/${digest}`, `blob-name-colon 0 blobs/${digest}`]);
    assert.equal(report.findings[0]?.hint, `rm ${colon()} && ollama pull sample:latest`);
    assert.deepEqual([report.exitCode, statuses(report)], [1, altered]);
  });

  test('beside the proper one is hashed too: sound, it changes nothing', async () => {
    copyFileSync(sample.blob('system'), colon());
    const report = await checkStore(store.path);
    assert.deepEqual([found(report), statuses(report)], [[`blob-name-colon 0 blobs/${digest}`], ok]);
    assert.deepEqual([report.summary.blobs, report.summary.hashedBytes], [7, report.summary.bytes]);
  });

  test('beside the proper one is what Ollama starts with next time: altered, it hits the model', async () => {
    copyFileSync(sample.blob('system'), colon());
    flipBit(colon(), 0, 0);
    const report = await checkStore(store.path);
    assert.deepEqual(found(report), [`blob-altered 1 blobs/${digest}`, `blob-name-colon 0 blobs/${digest}`]);
    assert.match(report.findings[0]?.message ?? '', /^the system layer of sample:latest is altered /);
    assert.deepEqual([report.exitCode, statuses(report)], [1, altered]);
  });

  test('does not save a proper one that is altered', async () => {
    copyFileSync(sample.blob('system'), colon());
    flipBit(sample.blob('system'), 0, 0);
    const report = await checkStore(store.path);
    assert.deepEqual(found(report), [`blob-altered 1 ${proper}`, `blob-name-colon 0 blobs/${digest}`]);
    assert.deepEqual(statuses(report), altered);
  });

  test('may be an orphan, sound or altered', async () => {
    const stray = sha256(Buffer.from('stray'));
    writeFileSync(store.at('blobs', stray), 'stray');
    assert.deepEqual(found(await checkStore(store.path)), [
      `blob-name-colon 0 blobs/${stray}`,
      `blob-orphan 0 blobs/${stray}`,
    ]);
    writeFileSync(store.at('blobs', stray), 'Stray');
    const report = await checkStore(store.path);
    assert.deepEqual([found(report)[0], report.exitCode], [`orphan-altered 1 blobs/${stray}`, 1]);
  });

  test('that is a FIFO is told under that name, beside the proper one or not', {
    skip: noFifo(),
  }, async () => {
    makeFifo(colon());
    const beside = await checkStore(store.path);
    assert.deepEqual(found(beside), [
      `blob-not-regular 4 blobs/${digest}`,
      `blob-name-colon 0 blobs/${digest}`,
    ]);
    assert.deepEqual([beside.exitCode, statuses(beside)], [4, ok]);
    rmSync(sample.blob('system'));
    const alone = await checkStore(store.path);
    assert.deepEqual(found(alone), found(beside));
    assert.equal(alone.findings[0]?.hint, `rm ${colon()} && ollama pull sample:latest`);
    assert.deepEqual([alone.exitCode, statuses(alone)], [4, { 'sample:latest': 'unchecked' }]);
  });

  test('that leads nowhere misses nothing beside the proper one, and is missing without it', async () => {
    symlinkSync('/nonexistent', colon());
    const beside = await checkStore(store.path);
    assert.deepEqual([found(beside), statuses(beside)], [[`blob-name-colon 0 blobs/${digest}`], ok]);
    rmSync(sample.blob('system'));
    const alone = await checkStore(store.path);
    assert.deepEqual(found(alone), [`blob-missing 8 blobs/${digest}`, `blob-name-colon 0 blobs/${digest}`]);
  });
});

describe('a blob with upper-case digits in its name', () => {
  for (const name of [
    `sha256-${other.toUpperCase()}`,
    `sha256:${other.toUpperCase()}`,
    `sha256-${other.slice(1)}F`,
  ]) {
    test(`is told, and never hashed: ${name.slice(0, 12)}...${name.slice(-2)}`, async () => {
      writeFileSync(store.at('blobs', name), 'whatever');
      const report = await checkStore(store.path);
      assert.deepEqual(found(report), [`blob-name-case 0 blobs/${name}`]);
      assert.deepEqual([report.exitCode, statuses(report), report.summary.blobs], [0, ok, 6]);
    });
  }

  test('does not stand for the blob of a model', async () => {
    const upper = `sha256-${digest.slice(7).toUpperCase()}`;
    renameSync(sample.blob('system'), store.at('blobs', upper));
    const report = await checkStore(store.path);
    assert.deepEqual(found(report), [`blob-missing 8 ${proper}`, `blob-name-case 0 blobs/${upper}`]);
    assert.equal(report.exitCode, 8);
  });
});

describe('a file that is no blob', () => {
  const foreign = [
    'README.txt',
    'index.json',
    `${other}`,
    `sha256-${other}0`,
    `sha256_${other}`,
    `SHA256-${other}`,
    `sha256-${other}.sig`,
    `sha256-${other}-partial-x`,
    'split-copy123',
    '.DS_Store',
    `sha256-${other}\n`,
  ];
  for (const name of foreign) {
    test(`is foreign, and Ollama will delete it: ${JSON.stringify(name.replace(other, '<hex>'))}`, async () => {
      writeFileSync(store.at('blobs', name), 'foreign');
      const report = await checkStore(store.path);
      assert.deepEqual(
        report.findings.map(({ rule, bit, path, actual }) => [rule, bit, path, actual]),
        [['blob-foreign', 0, `blobs/${name}`, 'file']],
      );
      assert.deepEqual([report.exitCode, statuses(report)], [0, ok]);
    });
  }

  test('may be a link', async () => {
    symlinkSync('/etc', store.at('blobs', 'link'));
    const { findings } = await checkStore(store.path);
    assert.deepEqual(
      findings.map(({ rule, actual }) => [rule, actual]),
      [['blob-foreign', 'link']],
    );
  });

  test('is no directory: Ollama leaves those alone, and so does the check', async () => {
    mkdirSync(store.at('blobs', 'splits', 'deeper'), { recursive: true });
    writeFileSync(store.at('blobs', 'splits', `sha256-${other}`), 'not looked at');
    const report = await checkStore(store.path);
    assert.deepEqual([found(report), report.exitCode], [[], 0]);
  });

  test('is left alone where a model was named', async () => {
    writeFileSync(store.at('blobs', 'README.txt'), 'foreign');
    writeFileSync(store.at('blobs', `sha256-${other}-partial`), 'partial');
    assert.deepEqual(found(await checkStore(store.path, { models: ['sample'] })), []);
  });
});

describe('a download that was not finished', () => {
  const ages: readonly (readonly [number, string])[] = [
    [-5000, '0 minutes'],
    [59_000, '0 minutes'],
    [60_000, '1 minute'],
    [3_599_000, '59 minutes'],
    [2 * 3_600_000, '2 hours'],
    [86_400_000, '1 day'],
    [400 * 86_400_000, '400 days'],
  ];

  test('is told with its age', async () => {
    const names = ['-partial', '-partial-0', '-partial-17', '.tmp'].map((end) => `sha256-${other}${end}`);
    const all = [
      ...names,
      'sha256-5555',
      `sha256-${other.toUpperCase()}-partial`,
      `sha256-${'1'.repeat(64)}-partial`,
    ];
    for (const [at, name] of all.entries()) {
      const file = store.at('blobs', name);
      writeFileSync(file, '');
      truncateSync(file, 5_000_000);
      const then = new Date(checkTime.getTime() - (ages[at]?.[0] ?? 0));
      utimesSync(file, then, then);
    }
    const report = await checkStore(store.path);
    assert.deepEqual(
      report.findings
        .map(({ rule, bit, severity, path, actual, message }) => [rule, bit, severity, path, actual, message])
        .sort(),
      all
        .map((name, at) => {
          const age = ages[at]?.[1] ?? '';
          return [
            'blob-partial',
            0,
            'info',
            `blobs/${name}`,
            age,
            `blobs/${name} is an unfinished download, ${age} old`,
          ];
        })
        .sort(),
    );
    assert.deepEqual(
      [report.exitCode, report.summary.partials, report.summary.blobs, statuses(report)],
      [0, 7, 6, ok],
    );
  });

  test('is a file: a link or a FIFO of that name is foreign', { skip: noFifo() }, async () => {
    makeFifo(store.at('blobs', `sha256-${other}-partial`));
    symlinkSync('/etc/passwd', store.at('blobs', 'sha256-123'));
    const report = await checkStore(store.path);
    assert.deepEqual(report.findings.map(({ rule, actual }) => [rule, actual]).sort(), [
      ['blob-foreign', 'FIFO'],
      ['blob-foreign', 'link'],
    ]);
    assert.equal(report.summary.partials, 0);
  });
});
