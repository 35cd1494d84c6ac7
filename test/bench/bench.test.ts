import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ScratchFiles } from '../fixtures/scratch-files.ts';

const files = new ScratchFiles();
after(() => files.remove());

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

function runBench(settings: Record<string, string>) {
  const env = { PATH: process.env.PATH ?? '', TMPDIR: files.folder, ...settings };
  return spawnSync(process.execPath, [here('./bench.ts')], { encoding: 'utf8', env });
}

test('the benchmark runs through, prints every row of the design that applies, and cleans up', {
  skip: existsSync(here('../../dist/verify-models.cjs')) ? false : 'needs the bundle: npm run build',
}, () => {
  const { status, stdout, stderr } = runBench({
    BENCH_GIB: '0.02',
    BENCH_ROUNDS: '1',
    BENCH_MODELS: '50',
    BENCH_PART: 'verifier',
  });
  assert.equal(status, 0, stderr);
  const rows = stdout.split('\n').filter((line) => line.startsWith('| '));
  assert.deepEqual(
    rows.map((row) => row.split(' | ')[0]?.replace(/[\d.]+ (GiB|MiB)/, 'N $1')),
    [
      '| what',
      '| ---',
      `| check of a store, N GiB in ${4 * availableParallelism()} blobs, warm, ${availableParallelism()} cores (peers: one core)`,
      '| processor time, user and system',
      '| most resident memory at --jobs 1',
      '| most resident memory at --jobs 2',
      '| most resident memory at --jobs 6',
      '| check of one blob of N GiB by its chunk table, warm, 2 cores (peer: one core)',
      '| check by a signed list of 50 models, N MiB, on top of an empty Node program',
      '| most resident memory with a signed list of 50 models, N MiB',
      '| check by a signed list of 500 models, N MiB, on top of an empty Node program',
      '| most resident memory with a signed list of 500 models, N MiB',
    ],
  );
  const speeds = rows.slice(2).filter((row) => !row.includes('memory'));
  for (const row of speeds) assert.match(row, /^\| [^|]+ \| \d+(?:\.\d+)? (?:GiB\/s|s\/GiB|s) \|/);
  assert.deepEqual(readdirSync(files.folder), []);
});

test('the rows of the mirror run through too, whichever peers are installed, and leave nothing behind', {
  skip: !existsSync(here('../../dist/model-mirror.cjs'))
    ? 'needs the bundle: npm run build'
    : spawnSync('curl', ['--version']).error !== undefined
      ? 'needs curl'
      : false,
}, () => {
  const { status, stdout, stderr } = runBench({ BENCH_GIB: '0.02', BENCH_ROUNDS: '1', BENCH_PART: 'mirror' });
  assert.equal(status, 0, stderr);
  const rows = stdout.split('\n').filter((line) => line.startsWith('| '));
  for (const what of ['serving one blob', 'processor time of the server', 'manifests, 16 connections'])
    assert.ok(
      rows.some((row) => row.startsWith(`| ${what}`)),
      stdout,
    );
  assert.deepEqual(readdirSync(files.folder), []);
});

test('a setting that is no number is refused before anything is written', () => {
  const { status, stderr } = runBench({ BENCH_GIB: 'much' });
  assert.deepEqual([status, stderr], [1, 'bench: BENCH_GIB: much is not a number above 0\n']);
  assert.deepEqual(readdirSync(files.folder), []);
});
