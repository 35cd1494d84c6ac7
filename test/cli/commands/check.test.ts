import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { formats } from '../../../src/config/index.ts';
import { runMain } from '../../fixtures/run-main.ts';
import { addSampleModel, type SampleModel, writeBlob } from '../../fixtures/sample-store.ts';

let folder: string;
let store: string;
let sample: SampleModel;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vm-'));
  store = join(folder, 'models');
  sample = addSampleModel(store);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What differs from one run of the same store to the next: how long it took, and who was faster. */
const settled = (text: string): string =>
  text
    .replace(/hashed in \d+\.\d s|time="[\d.]+"|"durationMs": ?\d+/g, 'N')
    .split('\n')
    .filter((line) => !line.startsWith('{"type":"status"'))
    .join('\n');

describe('a check', () => {
  test('is the default command, with or without models, in short or in full', async () => {
    const words = [
      [],
      ['check'],
      ['sample'],
      ['sample:latest'],
      ['check', 'registry.ollama.ai/library/sample:latest'],
    ];
    for (const typed of words) {
      const { status, stdout } = await runMain(['--store', store, '--json', ...typed]);
      const report = JSON.parse(stdout);
      assert.deepEqual([status, report.summary.models, report.summary.ok], [0, 1, 1], typed.join(' '));
    }
  });

  for (const format of formats) {
    test(`prints --format ${format}, the same that --report ${format}=FILE writes`, async () => {
      const file = join(folder, 'report');
      const run = await runMain(['--store', store, '--format', format, '--report', `${format}=${file}`]);
      assert.deepEqual([run.status, run.stderr], [0, '']);
      assert.notEqual(run.stdout, '');
      assert.equal(settled(readFileSync(file, 'utf8')), settled(run.stdout));
    });
  }

  test('hashes once for all reports of a run', async () => {
    const file = (format: string) => join(folder, `report.${format}`);
    const wanted = formats.flatMap((format) => ['--report', `${format}=${file(format)}`]);
    const run = await runMain(['--store', store, '--json', ...wanted]);
    const { summary } = JSON.parse(run.stdout);
    assert.equal(summary.hashedBytes, summary.bytes);
    assert.deepEqual(JSON.parse(readFileSync(file('json'), 'utf8')), JSON.parse(run.stdout));
    const events = readFileSync(file('jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const last = events.filter(({ type }) => type === 'status').at(-1);
    assert.deepEqual([last.bytesDone, last.bytes], [summary.bytes, summary.bytes]);
    assert.deepEqual([events[0].type, events.at(-1).type], ['start', 'end']);
    assert.match(readFileSync(file('text'), 'utf8'), /\nexit status 0 = all is well\n/);
    assert.equal(JSON.parse(readFileSync(file('sarif'), 'utf8')).version, '2.1.0');
    assert.match(readFileSync(file('junit'), 'utf8'), /<testsuite [^>]*failures="0"/);
  });

  test('with --quiet prints what fails and the exit status, and nothing else', async () => {
    const sound = await runMain(['--store', store, '--quiet']);
    assert.deepEqual([sound.status, sound.stdout, sound.stderr], [0, 'exit status 0 = all is well\n', '']);
    truncateSync(sample.blob('license'), 3);
    writeBlob(store, Buffer.from('an orphan'));
    const run = await runMain(['--store', store, '--quiet'], { stderr: { terminal: true } });
    assert.equal(run.status, 1);
    assert.match(run.stdout, /^error blob-wrong-size: the license layer of sample:latest has 3 bytes/);
    assert.match(run.stdout, /\nexit status 1 = 1 altered\n$/);
    assert.doesNotMatch(run.stdout, /orphan|next: /);
    assert.equal(run.stderr, '');
  });

  test('with --quick leaves what is larger than 1 MiB unchecked, and says that it is partial', async () => {
    writeBlob(store, Buffer.alloc(1024 * 1024 + 1, 1));
    const { status, stdout } = await runMain(['--quick', '--json', '--store', store]);
    const report = JSON.parse(stdout);
    assert.deepEqual([status, report.partial, report.summary.ok], [0, true, 1]);
    assert.equal(report.summary.bytes - report.summary.hashedBytes, 1024 * 1024 + 1);
  });

  test('with --fail-on takes several rules, in one word or in several', async () => {
    writeBlob(store, Buffer.from('an orphan'));
    writeFileSync(join(store, 'blobs', 'README'), 'foreign');
    for (const typed of [
      ['--fail-on', 'model-remote,blob-orphan'],
      ['--fail-on', 'model-remote', '--fail-on', 'blob-orphan'],
    ]) {
      const { status, stdout } = await runMain(['--store', store, '--json', ...typed]);
      const failing = JSON.parse(stdout).findings.filter(({ bit }: { bit: number }) => bit !== 0);
      assert.equal(status, 1);
      assert.deepEqual(
        failing.map(({ rule }: { rule: string }) => rule),
        ['blob-orphan'],
      );
    }
  });

  test('with --max-duration ends in time, keeps its place in --state, and the next run goes on', async () => {
    const state = join(folder, 'state');
    writeBlob(store, Buffer.alloc(3 * 1024 * 1024, 7));
    const words = ['--store', store, '--json', '--state', state, '--max-duration', '10m', '--jobs', '1'];
    const first = await runMain(words, { onTimer: (io) => io.pass(600_000) });
    const before = JSON.parse(first.stdout);
    assert.deepEqual([before.partial, before.summary.hashedBytes], [true, 3 * 1024 * 1024]);
    const second = JSON.parse((await runMain(words)).stdout);
    assert.equal(second.summary.hashedBytes, second.summary.bytes - 3 * 1024 * 1024);
  });

  test('leaves no timer behind, and no file in the store', async () => {
    const { io } = await runMain(['--store', store, '--format', 'jsonl'], { stderr: { terminal: true } });
    assert.equal(io.running, 0);
    assert.deepEqual(readdirSync(store).sort(), ['blobs', 'manifests']);
  });
});

describe('colours', () => {
  const words = () => ['--store', store];
  const terminal = { terminal: true };

  test('are for terminals', async () => {
    const run = await runMain(words(), { stdout: terminal });
    assert.ok(run.stdout.startsWith('sample:latest  \u001b[32mok       \u001b[0m'), run.stdout);
    assert.ok(!(await runMain(words())).stdout.includes('\u001b'));
  });

  for (const [name, environment] of Object.entries({ NO_COLOR: { NO_COLOR: '1' }, TERM: { TERM: 'dumb' } })) {
    test(`are off with ${name}=${Object.values(environment)[0]}`, async () => {
      const { stdout } = await runMain(words(), { stdout: terminal, environment });
      assert.ok(!stdout.includes('\u001b'));
    });
  }

  test('never reach a report file', async () => {
    const file = join(folder, 'report.txt');
    await runMain([...words(), '--report', `text=${file}`], { stdout: terminal });
    assert.ok(!readFileSync(file, 'utf8').includes('\u001b'));
  });
});

describe('a report', () => {
  test('inside the store is refused before anything is done', async () => {
    symlinkSync(store, join(folder, 'elsewhere'));
    for (const file of [join(store, 'r.json'), join(folder, 'elsewhere', 'blobs', 'r.json')]) {
      const run = await runMain(['--store', store, '--report', `json=${file}`]);
      assert.deepEqual([run.status, run.stdout], [64, '']);
      assert.match(
        run.stderr,
        /^verify-models: the report .* would lie inside the store \(REPORT_IN_STORE\)\n/,
      );
    }
    assert.deepEqual(readdirSync(store).sort(), ['blobs', 'manifests']);
  });

  test('that cannot be opened is said before anything is hashed', async () => {
    mkdirSync(join(folder, 'directory'));
    const run = await runMain(['--store', store, '--report', `json=${join(folder, 'directory')}`]);
    assert.deepEqual([run.status, run.stdout], [4, '']);
    assert.match(run.stderr, /cannot write the report .*directory: EISDIR: .* \(REPORT_UNWRITABLE\)\nnext: /);
  });

  const full = existsSync('/dev/full') ? false : 'needs /dev/full';
  test('on a full device adds 4, and neither stdout nor the other reports are lost', {
    skip: full,
  }, async () => {
    truncateSync(sample.blob('license'), 3);
    const other = join(folder, 'r.json');
    const words = ['--store', store, '--report', 'sarif=/dev/full', '--report', `json=${other}`];
    const run = await runMain(words);
    assert.equal(run.status, 5);
    assert.equal(
      run.stderr,
      'verify-models: cannot write the report /dev/full: ENOSPC: no space left on device (REPORT_UNWRITABLE)\n' +
        'next: check the directory, its permissions and the free space\n',
    );
    assert.match(run.stdout, /\nexit status 5 = 1 altered \+ 4 could not be checked\n/);
    assert.equal(JSON.parse(readFileSync(other, 'utf8')).exitCode, 1);
  });

  test('of events on a full device ends the run at once', { skip: full }, async () => {
    const run = await runMain(['--store', store, '--report', 'jsonl=/dev/full']);
    assert.deepEqual([run.status, run.stdout], [4, '']);
    assert.match(run.stderr, /^verify-models: cannot write the report \/dev\/full: ENOSPC/);
  });

  test('that failed leaves 130 alone', { skip: full }, async () => {
    const words = ['--store', store, '--report', 'json=/dev/full'];
    const run = await runMain(words, { onTimer: (io) => io.interrupt(130) });
    assert.equal(run.status, 130);
  });
});
