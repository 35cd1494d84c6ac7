import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { flipBit } from '../fixtures/damage.ts';
import { type MainRun, runMainWith } from '../fixtures/run-main.ts';
import { runProgramFile } from '../fixtures/run-program.ts';
import type { SampleModel } from '../fixtures/sample-store.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';

const root = process.getuid?.() === 0;

suite('the termination log', () => {
  let site: SealedSite;
  let model: SampleModel;
  let log: string;
  beforeEach(() => {
    site = new SealedSite();
    model = site.scratch.addModel();
    log = site.beside('log');
    // What an earlier run left is longer than what this one has to say.
    writeFileSync(log, `${'x'.repeat(2000)}\n`);
  });
  afterEach(() => site.remove());

  const told = () => readFileSync(log, 'utf8');
  /** A run that starts nothing: its status and its one line. */
  const nothing = async (words: readonly string[], environment: Record<string, string> = {}) => {
    const io = site.io(environment);
    const run = await runMainWith(io, words);
    assert.equal(io.replaced, undefined);
    assert.match(told(), /^verify-models: exit status [^\n]+\n$/, run.stderr);
    return { status: run.status, line: told() };
  };
  const logged = () => ['--termination-log', log];

  const rows: readonly (readonly [string, () => readonly string[], number, RegExp])[] = [
    [
      'no store',
      () => ['exec', ...logged(), '--store', '/no/such', '--', 'sh'],
      4,
      /STORE_NOT_FOUND: no Ollama/,
    ],
    [
      'a store that is a file',
      () => ['exec', ...logged(), '--store', log, '--', 'sh'],
      4,
      /STORE_UNREADABLE/,
    ],
    [
      'no command',
      () => ['exec', ...logged(), ...site.where, '--', 'no-such'],
      127,
      /COMMAND_NOT_FOUND: .* no-such/,
    ],
    [
      'no program',
      () => ['exec', ...logged(), ...site.where, '--', site.store],
      126,
      /COMMAND_NOT_EXECUTABLE/,
    ],
    ['no word', () => ['exec', ...logged(), ...site.where, '--'], 64, /USAGE: exec needs a command/],
    ['no dashes', () => ['exec', ...logged(), 'sh'], 64, /USAGE: the command of exec stands after --/],
    ['a wrong format', () => ['exec', '--json', ...logged(), '--', 'sh'], 64, /USAGE: exec prints text/],
    [
      'a wrong value',
      () => ['exec', '--jobs', 'x', ...logged(), '--', 'sh'],
      64,
      /CONFIG_INVALID: .*--jobs x/,
    ],
    [
      'a wrong flag',
      () => ['exec', '--no-such', ...logged(), '--', 'sh'],
      64,
      /USAGE: unknown option '--no-such'/,
    ],
    [
      'a wrong flag after it',
      () => ['exec', `--termination-log=${log}`, '--no', '--', 'sh'],
      64,
      /USAGE: unknown/,
    ],
    [
      'a wrong user',
      () => ['exec', '--user', 'no-such', ...logged(), ...site.where, '--', 'sh'],
      64,
      /USAGE: --user/,
    ],
    [
      'a report in the store',
      () => ['exec', '--report', `json=${site.store}/x`, ...logged(), ...site.where, '--', 'sh'],
      64,
      /REPORT_IN_STORE/,
    ],
    ['check without a store', () => ['check', ...logged(), '--store', '/no/such'], 4, /STORE_NOT_FOUND/],
    ['check, not named', () => [...logged(), '--store', '/no/such'], 4, /STORE_NOT_FOUND/],
    ['a wrong flag of check', () => ['check', ...logged(), '--no-such'], 64, /USAGE: unknown option/],
    ['a wrong flag of check, not named', () => ['--no-such', ...logged()], 64, /USAGE: unknown option/],
    [
      'a model that is none',
      () => ['check', ...logged(), ...site.where, 'no such model'],
      64,
      /64: [A-Z_]+: /,
    ],
  ];
  for (const [name, words, status, line] of rows) {
    test(`says why nothing starts: ${name}`, async () => {
      const run = await nothing(words());
      assert.equal(run.status, status);
      assert.match(run.line, line);
      assert.match(run.line, new RegExp(`exit status ${status}\\b`));
    });
  }

  test('keeps the finding where its mending is refused too', async () => {
    flipBit(model.blob('system'), 0, 0);
    writeFileSync(`${site.store}.quarantine`, '');
    const words = ['exec', '--on-fail', 'quarantine', ...logged(), ...site.where, '--', 'sh'];
    const { status, line } = await nothing(words);
    assert.equal(status, 4);
    assert.match(line, /exit status 1 = 1 altered: blob-altered: the system layer/);
  });

  test('is the one of the variable, or of the settings file, also when something else in a flag is wrong', async () => {
    const words = ['exec', '--jobs', 'x', '--', 'sh'];
    assert.match((await nothing(words, { VERIFY_MODELS_TERMINATION_LOG: log })).line, /CONFIG_INVALID/);
    writeFileSync(log, '');
    const config = site.beside('config.yaml');
    writeFileSync(config, JSON.stringify({ 'termination-log': log }));
    assert.match((await nothing(['exec', '--config', config, '--', 'no-such'])).line, /COMMAND_NOT_FOUND/);
    writeFileSync(log, '');
    assert.match((await nothing(words, { VERIFY_MODELS_CONFIG: config })).line, /CONFIG_INVALID/);
  });

  test('says which signal ended it', async () => {
    const io = site.io();
    io.interrupt(143);
    const run = await runMainWith(io, ['exec', ...logged(), ...site.where, '--', 'sh']);
    assert.deepEqual([run.status, io.replaced], [143, undefined]);
    assert.match(told(), /^verify-models: exit status 143 = ended by signal 15.*\n$/);
  });

  test('stays as it is when the command starts, and when another command fails', async () => {
    const before = told();
    assert.equal((await site.run('exec', ...logged(), ...site.where, '--', 'sh')).status, 0);
    assert.equal((await site.run('explain', ...logged(), 'no-such-rule')).status, 64);
    assert.equal(told(), before);
  });

  test('that cannot be written is told, and the error stays what it was', async () => {
    const refused = async (...words: string[]): Promise<MainRun> =>
      site.run('exec', '--termination-log', site.beside('no/such/log'), ...words, '--', 'no-such');
    const run = await refused(...site.where);
    assert.equal(run.status, 127);
    assert.match(run.stderr, /REPORT_UNWRITABLE.*COMMAND_NOT_FOUND/s);
    assert.equal(existsSync(site.beside('no')), false);
  });

  test('takes the last word of a process that is another user by then', {
    skip: !root && 'needs root',
  }, async () => {
    // As root the command is there; its directory lets nobody else in.
    mkdirSync(site.beside('closed'), { mode: 0o700 });
    const command = site.beside('closed/command');
    writeFileSync(command, '#!/bin/sh\n', { mode: 0o755 });
    for (const file of [log, site.beside('fresh')]) {
      const words = [
        'exec',
        '--user',
        '61001:61001',
        '--termination-log',
        file,
        ...site.where,
        '--',
        command,
      ];
      const run = await runProgramFile(words, { environment: { PATH: process.env.PATH ?? '' } });
      assert.deepEqual([run.status, run.signal, run.stdout], [126, null, ''], run.stderr);
      assert.match(
        readFileSync(file, 'utf8'),
        /^verify-models: exit status 126: COMMAND_NOT_EXECUTABLE: .*\n$/,
      );
    }
  });

  test('is never written through a hard link, whose other name may be a blob', async () => {
    const blob = model.blob('template');
    linkSync(blob, site.beside('link'));
    const before = readFileSync(blob);
    flipBit(model.blob('system'), 0, 0);
    const words = ['check', '--termination-log', site.beside('link'), ...site.where];
    const run = await runMainWith(site.io({}), words);
    assert.equal(run.status, 1);
    assert.match(run.stderr, /REPORT_UNWRITABLE/);
    assert.match(run.stderr, /it has other names \(hard links\)/);
    assert.deepEqual(readFileSync(blob), before);
  });

  test('is never written into the store, by whatever name it is called', async () => {
    const inside = `${site.store}/blobs/why`;
    for (const words of [['check'], ['exec']]) {
      const rest = words[0] === 'exec' ? ['--', 'sh'] : [];
      const run = await runMainWith(site.io({}), [
        ...words,
        '--termination-log',
        inside,
        ...site.where,
        ...rest,
      ]);
      assert.equal(run.status, 64);
      assert.match(run.stderr, /REPORT_IN_STORE/);
      assert.ok(!existsSync(inside));
    }
  });
});
