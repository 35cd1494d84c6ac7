import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { main } from '../../cli/main.ts';
import { newIo, runMain, runMainWith } from '../fixtures/run-main.ts';
import { addSampleModel, type SampleModel } from '../fixtures/sample-store.ts';

let folder: string;
let store: string;
let sample: SampleModel;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vm-'));
  store = join(folder, 'models');
  sample = addSampleModel(store);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function alter(path: string): void {
  const bytes = readFileSync(path);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

function replaceByDirectory(path: string): void {
  unlinkSync(path);
  mkdirSync(path);
}

describe('the exit status', () => {
  const words: Readonly<Record<number, string>> = {
    0: '0 = all is well',
    1: '1 = 1 altered',
    4: '4 = 4 could not be checked',
    5: '5 = 1 altered + 4 could not be checked',
    8: '8 = 8 missing',
    9: '9 = 1 altered + 8 missing',
    12: '12 = 4 could not be checked + 8 missing',
    13: '13 = 1 altered + 4 could not be checked + 8 missing',
  };
  for (const [status, explained] of Object.entries(words)) {
    const bits = Number(status);
    test(`is ${explained}`, async () => {
      if ((bits & 1) !== 0) alter(sample.blob('system'));
      if ((bits & 4) !== 0) replaceByDirectory(sample.blob('template'));
      if ((bits & 8) !== 0) unlinkSync(sample.blob('license'));
      const run = await runMain(['--store', store]);
      assert.equal(run.status, bits);
      assert.ok(run.stdout.includes(`\nexit status ${explained}\n`), run.stdout);
      assert.match(run.stdout, /\nnext: .+\n$/);
      assert.equal(run.stderr, '');
    });
  }

  for (const status of [130, 143]) {
    test(`is ${status} for a run that a signal ended, and its report says that it is partial`, async () => {
      // The progress line's timer starts when the hashing does.
      const run = await runMain(['--store', store, '--json'], { onTimer: (io) => io.interrupt(status) });
      assert.equal(run.status, status);
      const report = JSON.parse(run.stdout);
      assert.equal(report.exitCode, status);
      assert.equal(report.partial, true);
      assert.equal(report.summary.hashedBytes, 0);
      assert.deepEqual(
        report.models.map((model: { status: string }) => model.status),
        ['unchecked'],
      );
    });
  }
});

describe('an error is one line with a stable code, and one with what to do next', () => {
  test('wrong usage is 64 and says nothing on stdout', async () => {
    const run = await runMain(['--store', store, '--jobs', 'many']);
    assert.equal(run.status, 64);
    assert.equal(run.stdout, '');
    assert.equal(
      run.stderr,
      'verify-models: the command line: --jobs many is not a whole number from 0 to 256 (CONFIG_INVALID)\n' +
        'next: docs/configuration.md lists every setting\n',
    );
  });

  test('what nobody foresaw is 70, without a stack trace', async () => {
    const io = newIo();
    const broken = Object.assign(Object.create(io), {
      now: () => {
        throw new TypeError('the clock broke\n    at Object.<anonymous> (\u001b[31mclock.js:1:1)');
      },
    });
    const status = await main(['--store', store], process.versions.node, broken);
    assert.equal(status, 70);
    assert.equal(io.stdout.text, '');
    assert.equal(
      io.stderr.text,
      'verify-models: internal error: the clock broke (INTERNAL)\n' +
        'next: please report it, with the command you typed\n',
    );
  });

  for (const version of ['18.20.8', '20.19.5', '22.22.1', '24.14.9', '25.9.0']) {
    test(`Node.js ${version} is too old: 64`, async () => {
      const io = newIo();
      assert.equal(await main(['--version'], version, io), 64);
      assert.match(io.stderr.text, /^verify-models: Node\.js [\d.]+ is too old: .* \(NODE_TOO_OLD\)\nnext: /);
      assert.equal(io.stdout.text, '');
    });
  }

  for (const version of ['22.22.2', '22.30.0', '24.15.0', '26.0.0', '27.1.0']) {
    test(`Node.js ${version} will do`, async () => {
      assert.equal(await main(['--version'], version, newIo()), 0);
    });
  }
});

describe('a stdout that does not take the result', () => {
  test('is said, and adds 4 to the sum of bits', async () => {
    alter(sample.blob('system'));
    const io = newIo();
    io.stdout.failure = 'ENOSPC: no space left on device';
    const run = await runMainWith(io, ['--store', store]);
    assert.equal(run.status, 5);
    assert.equal(
      run.stderr,
      'verify-models: cannot write the report (stdout): ENOSPC: no space left on device (REPORT_UNWRITABLE)\n' +
        'next: check the directory, its permissions and the free space\n',
    );
  });

  test('leaves alone a status that is no sum of bits', async () => {
    const io = newIo({ onTimer: (world) => world.interrupt(130) });
    io.stdout.failure = 'ENOSPC: no space left on device';
    assert.equal((await runMainWith(io, ['--store', store])).status, 130);
  });
});
