import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { program, runProgramFile } from '../fixtures/run-program.ts';
import { addSampleModel, writeBlob } from '../fixtures/sample-store.ts';

let folder: string;
let sound: string;
let damaged: string;
let large: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'vm-'));
  sound = join(folder, 'sound');
  damaged = join(folder, 'damaged');
  large = join(folder, 'large');
  addSampleModel(sound);
  const sample = addSampleModel(damaged);
  writeFileSync(sample.blob('system'), 'You are a careless assistant.\n');
  unlinkSync(sample.blob('license'));
  addSampleModel(large);
  writeBlob(large, randomBytes(6 * 1024 * 1024));
});

after(() => rmSync(folder, { recursive: true, force: true }));

describe('the program in a process of its own', () => {
  test('puts the result on stdout and nothing on stderr', async () => {
    const run = await runProgramFile(['--store', sound]);
    assert.deepEqual([run.status, run.stderr], [0, '']);
    assert.match(run.stdout, /^sample:latest {2}ok {9}18\.2 kB\n/);
    assert.match(run.stdout, /\nexit status 0 = all is well\nnext: .+\n$/);
  });

  test('ends with the sum of the bits of what it found', async () => {
    const run = await runProgramFile(['--store', damaged, '--json']);
    assert.equal(run.status, 9);
    assert.equal(JSON.parse(run.stdout).exitCode, 9);
  });

  test('ends with 64 and one line where the working directory was removed', () => {
    const line = 'cd "$(mktemp -d)" && rmdir "$PWD" && exec "$@"';
    const words = ['-c', line, 'sh', process.execPath, program, '--store', sound];
    const { status, stdout, stderr } = spawnSync('sh', words, { encoding: 'utf8' });
    assert.deepEqual([status, stdout], [64, '']);
    assert.match(stderr, /^verify-models: there is no working directory .*\(USAGE\)\nnext: .*\n$/);
  });

  test('ends with 64 and one line on stderr for a flag that does not exist', async () => {
    const run = await runProgramFile(['--fromat', 'json']);
    assert.deepEqual(run, {
      status: 64,
      signal: null,
      stdout: '',
      stderr:
        "verify-models: unknown option '--fromat' (did you mean --format?) (USAGE)\nnext: verify-models --help\n",
    });
  });

  test('ends with 70 and one line for an error that nobody awaited', async () => {
    const preload = join(folder, 'throw-later.cjs');
    writeFileSync(
      preload,
      "setImmediate(() => { throw new TypeError('nobody awaits this\\n  at line 2'); });\n",
    );
    const run = await runProgramFile(['--store', large, '--max-rate', '1MB/s', '--progress', 'none'], {
      nodeArguments: ['--require', preload],
    });
    assert.equal(run.status, 70);
    assert.equal(
      run.stderr,
      'verify-models: internal error: nobody awaits this (INTERNAL)\nnext: please report it, with the command you typed\n',
    );
  });
});

describe('a signal during the hashing', () => {
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`${signal} ends the run with ${status} and a report that says it is partial`, async () => {
      const file = join(folder, `${signal}.json`);
      let sent = false;
      const words = [
        '--store',
        large,
        '--max-rate',
        '1MB/s',
        '--format',
        'jsonl',
        '--report',
        `json=${file}`,
      ];
      const run = await runProgramFile(words, {
        onStdout: (text, child) => {
          if (sent || !text.includes('"type":"status"')) return;
          sent = child.kill(signal);
        },
      });
      assert.deepEqual([run.status, run.signal, run.stderr], [status, null, '']);
      const report = JSON.parse(readFileSync(file, 'utf8'));
      assert.deepEqual([report.exitCode, report.partial], [status, true]);
      assert.ok(report.summary.hashedBytes < report.summary.bytes);
      const end = JSON.parse(run.stdout.trimEnd().split('\n').at(-1) ?? '');
      assert.deepEqual([end.type, end.exitCode, end.partial], ['end', status, true]);
    });
  }
});

describe('a stdout that ends', () => {
  test('a reader that goes away gets no stack trace, and the exit status stays', async () => {
    const store = join(folder, 'crowded');
    addSampleModel(store);
    for (let i = 0; i < 1000; i += 1) writeFileSync(join(store, 'blobs', `foreign-${i}`), '');
    const run = await runProgramFile(['--store', store, '--json'], {
      onStdout: (_, child) => child.stdout?.destroy(),
    });
    assert.deepEqual([run.status, run.stderr], [0, '']);
  });

  const full = existsSync('/dev/full') ? false : 'needs /dev/full';
  for (const words of [['--json'], [], ['--format', 'jsonl'], ['--help'], ['list']]) {
    test(`a full device is an error with verify-models ${words.join(' ')}`, { skip: full }, async () => {
      const stdout = openSync('/dev/full', 'w');
      try {
        const run = await runProgramFile(['--store', sound, ...words], { stdout });
        assert.equal(run.status, 4);
        assert.equal(
          run.stderr,
          'verify-models: cannot write the report (stdout): ENOSPC: no space left on device (REPORT_UNWRITABLE)\n' +
            'next: check the directory, its permissions and the free space\n',
        );
      } finally {
        closeSync(stdout);
      }
    });
  }
});

test('a check loads nothing but the bundle, and no part of Node.js that talks to a network', async () => {
  const preload = join(folder, 'list-modules.cjs');
  const list = join(folder, 'modules.json');
  writeFileSync(
    preload,
    `const Module = require('node:module');
     const asked = [];
     const load = Module._load;
     Module._load = (name, ...rest) => { asked.push(name); return load(name, ...rest); };
     process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(list)},
       JSON.stringify({ asked, builtins: process.moduleLoadList })));\n`,
  );
  const run = await runProgramFile(['--store', sound], { nodeArguments: ['--require', preload] });
  assert.equal(run.status, 0);
  const { asked, builtins } = JSON.parse(readFileSync(list, 'utf8')) as {
    asked: string[];
    builtins: string[];
  };
  assert.ok(asked.includes('node:fs'), 'the list is one');
  assert.deepEqual(
    asked.filter((name) => !isBuiltin(name) && !name.endsWith('verify-models.cjs')),
    [],
  );
  const network = /^NativeModule (?:http|https|http2|tls|dns|sqlite|internal\/deps\/undici\/undici)$/;
  assert.deepEqual(
    builtins.filter((name) => network.test(name)),
    [],
  );
});
