import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { tool } from '../../../cli/commands/index.ts';
import { runMain } from '../../fixtures/run-main.ts';
import { addSampleModel } from '../../fixtures/sample-store.ts';

let folder: string;
let store: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'vm-'));
  store = join(folder, 'models');
  addSampleModel(store);
});

after(() => rmSync(folder, { recursive: true, force: true }));

async function refused(words: readonly string[]): Promise<string> {
  const run = await runMain(words);
  assert.deepEqual([run.status, run.stdout], [64, ''], words.join(' '));
  return run.stderr;
}

describe('help', () => {
  for (const words of [
    ['--help'],
    ['-h'],
    ['help'],
    ['check', '--help'],
    ['help', 'check'],
    ['--quick', '-h'],
  ]) {
    test(`of verify-models ${words.join(' ')} prints the exit bits and ends with 0`, async () => {
      const { status, stdout, stderr } = await runMain(words);
      assert.deepEqual([status, stderr], [0, '']);
      assert.match(stdout, /^Usage: verify-models /);
      assert.match(stdout, /\nExit status, a sum of bits:\n {2}0 {2}all is well\n {2}1 {2}altered: /);
      assert.match(stdout, /\n {2}2 {2}not trusted\n {2}4 {2}could not be checked: .*\n {2}8 {2}missing: /);
      assert.match(stdout, /64 wrong usage, 70 internal error, 130 Ctrl-C, 143 terminated;\n126 and 127/);
    });
  }

  test('fits the width of the terminal where it wraps', async () => {
    const { stdout } = await runMain(['list', '--help'], { stdout: { columns: 76 } });
    assert.ok(stdout.split('\n').every((line) => line.length <= 76));
  });

  test('of something that is no command is refused', async () => {
    assert.match(await refused(['help', 'nosuch']), /^verify-models: help knows the commands check, list, /);
  });

  test('ends with the commands to type next', async () => {
    const { stdout } = await runMain(['--help']);
    assert.match(stdout, /\n {2}verify-models explain blob-altered {6}what a finding means\n$/);
  });
});

test('--version prints the version alone', async () => {
  const { status, stdout, stderr } = await runMain(['--version']);
  assert.deepEqual([status, stdout, stderr], [0, `${tool.version}\n`, '']);
});

describe('flags', () => {
  const json = (stdout: string) => JSON.parse(stdout).schema;

  test('stand before or after the command', async () => {
    for (const words of [
      ['--json', 'list', '--store', store],
      ['list', '--json', '--store', store],
      ['--store', store, 'list', '--json'],
      [`--store=${store}`, '--format=json', 'list'],
    ]) {
      const { status, stdout } = await runMain(words);
      assert.deepEqual([status, json(stdout)], [0, 'urn:verify-models:list:v1'], words.join(' '));
    }
    for (const words of [
      ['--json', '--store', store, '--quick', 'check'],
      ['--quick', 'sample', '--json', '--store', store],
      ['--quick', '--json', '--store', store, 'sample'],
      ['--jobs', '1', '--json', 'check', 'sample', '--quick', '--store', store],
    ]) {
      const { status, stdout } = await runMain(words);
      assert.deepEqual([status, json(stdout)], [0, 'urn:verify-models:report:v1'], words.join(' '));
      assert.equal(JSON.parse(stdout).partial, true);
    }
    const { status, stdout } = await runMain(['--store', store, 'explain', 'blob-altered']);
    assert.equal(status, 0);
    assert.match(stdout, /^blob-altered: /);
  });

  test('that do not exist are refused with the nearest that does', async () => {
    assert.equal(
      await refused(['--jbos', '2']),
      "verify-models: unknown option '--jbos' (did you mean --jobs?) (USAGE)\nnext: verify-models --help\n",
    );
    assert.match(
      await refused(['list', '--jsn']),
      /unknown option '--jsn' \(did you mean --json\?\) \(USAGE\)/,
    );
    assert.match(await refused(['--zzzzzzzzz']), /^verify-models: unknown option '--zzzzzzzzz' \(USAGE\)\n/);
  });

  test('of check are refused for the other commands by their own name', async () => {
    assert.match(
      await refused(['--jobs', '2', 'list']),
      /: --jobs is a flag of check, allow, sign, repair, exec, install, watch alone \(USAGE\)\n/,
    );
    assert.match(
      await refused(['explain', '--report=json=x']),
      /: --report is a flag of check, exec alone \(USAGE\)\n/,
    );
  });

  test('without the value they need, or with a wrong one, are refused', async () => {
    assert.match(await refused(['--store']), /: option '--store <dir>' argument missing \(USAGE\)\n/);
    assert.match(
      await refused(['--store', store, '--format', 'xml']),
      /: the command line: --format xml is none of text, json, jsonl, sarif, junit \(CONFIG_INVALID\)\n/,
    );
    assert.match(
      await refused(['--store', store, '--fail-on', 'blob-orphan,blob-orfan']),
      /: the command line: --fail-on .* is not a rule \(CONFIG_INVALID\)\n/,
    );
    for (const [flag, value] of [
      ['--max-rate', 'fast'],
      ['--subset', '8/7'],
      ['--max-duration', 'soon'],
      ['--jobs', '-1'],
      ['--report', 'pdf=x'],
      ['--report', 'json'],
      ['--progress', 'spinner'],
    ] as const) {
      assert.match(await refused(['--store', store, flag, value]), /\(CONFIG_INVALID\)\n/, flag);
    }
  });

  test('that exclude each other are refused', async () => {
    assert.match(
      await refused(['--store', store, '--json', '--format', 'sarif']),
      /: --json and --format sarif exclude each other \(USAGE\)\n/,
    );
    const { status } = await runMain(['--store', store, '--json', '--format', 'json']);
    assert.equal(status, 0);
  });

  test('asking for a format are refused where there is only text', async () => {
    assert.match(
      await refused(['explain', '--json']),
      /: explain prints text and knows no other format \(USAGE\)/,
    );
    assert.match(
      await refused(['completion', 'bash', '--format', 'json']),
      /: completion prints text and knows/,
    );
    assert.match(
      await refused(['list', '--store', store, '--format', 'sarif']),
      /: list knows the formats text and json, not sarif \(USAGE\)/,
    );
  });
});

describe('a word that is neither a command nor a model', () => {
  test('is answered with the nearest one: 64', async () => {
    assert.equal(
      await refused(['--store', store, 'sampel']),
      'verify-models: sampel is neither a command nor a model in this store (COMMAND_UNKNOWN)\n' +
        'next: did you mean: verify-models sample\n',
    );
    assert.match(await refused(['--store', store, 'lst']), /\nnext: did you mean: verify-models list\n$/);
    assert.match(await refused(['--store', store, 'qqqqqqqqqqqqq']), /\nnext: verify-models list\n$/);
    assert.match(
      await refused(['--store', store, 'x'.repeat(100_000)]),
      /^verify-models: x{120} is neither /,
    );
  });

  test('is told apart from a model where there is no store, too', async () => {
    const nowhere = join(folder, 'nowhere');
    assert.equal(
      await refused(['--store', nowhere, 'lst']),
      'verify-models: lst is neither a command nor a model in this store (COMMAND_UNKNOWN)\n' +
        'next: did you mean: verify-models list\n',
    );
    assert.match(await refused(['--store', nowhere, 'explian', 'blob-altered']), /verify-models explain\n$/);
    const model = await runMain(['--store', nowhere, 'llama3.2:1b']);
    assert.equal(model.status, 4);
    assert.match(model.stderr, /\(STORE_NOT_FOUND\)\n/);
  });

  test('is refused where a command takes no words, and in the style of every other error', async () => {
    assert.equal(
      await refused(['list', 'everything']),
      "verify-models: too many arguments for 'list': expected 0 arguments but got 1: everything (USAGE)\n" +
        'next: verify-models --help\n',
    );
    assert.match(await refused(['completion']), /: missing required argument 'shell' \(USAGE\)\n/);
  });
});
