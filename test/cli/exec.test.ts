import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { flipBit } from '../fixtures/damage.ts';
import { bareEnvironment } from '../fixtures/run-main.ts';
import { type ProgramRun, program, runProgramFile } from '../fixtures/run-program.ts';
import type { SampleModel } from '../fixtures/sample-store.ts';
import { oneUserOwnsBoth, SealedSite } from '../fixtures/sealed-site.ts';

const root = process.getuid?.() === 0;

suite('exec', () => {
  let site: SealedSite;
  let model: SampleModel;
  beforeEach(() => {
    site = new SealedSite();
    model = site.scratch.addModel();
  });
  afterEach(() => site.remove());

  /** In a process of its own, as it is installed. */
  const exec = (words: readonly string[], ...more: readonly string[]): Promise<ProgramRun> =>
    runProgramFile(['exec', ...more, ...site.where, '--', ...words], {
      environment: { PATH: process.env.PATH ?? '' },
    });
  const flip = () => flipBit(model.blob('system'), 0, 0);

  test('becomes the command: its output, its arguments, its exit status', async () => {
    const run = await exec(['sh', '-c', 'echo "$0 $1"; exit 7', 'one', 'two words']);
    assert.equal(run.status, 7);
    assert.equal(run.stdout, 'one two words\n');
    assert.match(run.stderr, /is in order: 1 model, .*; starting sh -c/);
    assert.match(run.stderr, /trust was not checked/);
  });

  test('with the same process id, and signals as if it had been started directly', async () => {
    const script =
      'echo $$; grep SigIgn /proc/$$/status; trap "echo got it; exit 3" TERM; echo ready; while :; do sleep 0.05; done';
    const child = spawn(
      process.execPath,
      [program, 'exec', '--quiet', ...site.where, '--', 'sh', '-c', script],
      {
        env: { ...bareEnvironment, PATH: process.env.PATH },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (text.includes('ready')) child.kill('SIGTERM');
    });
    const status = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(status, 3);
    assert.match(said, new RegExp(`^${child.pid}\\nSigIgn:\\t0+\\nready\\ngot it\\n$`));
  });

  test('starts nothing after one flipped bit, with the old time put back, also when it was sealed', async () => {
    assert.equal((await exec(['true'])).status, 0);
    flip();
    const log = site.beside('termination-log');
    const run = await exec(['sh', '-c', 'echo started'], '--termination-log', log);
    assert.deepEqual([run.status, run.stdout], [1, '']);
    assert.match(run.stderr, /error blob-altered: the system layer of sample:latest is altered/);
    assert.match(run.stderr, /\nnot started: the check failed\n$/);
    assert.match(readFileSync(log, 'utf8'), /^verify-models: exit status 1 = 1 altered: blob-altered: .*\n$/);
  });

  test('starts nothing that is not approved, and nothing without the list that was asked for', async () => {
    await site.approve();
    site.scratch.addModel('registry.ollama.ai/library/other:latest');
    const list = ['--allow-list', site.list, '--key', site.key('alice').pub];
    const io = site.io();
    const { status, stderr } = await site.run('exec', ...list, ...site.where, '--', 'sh');
    assert.equal(status, 2);
    assert.match(stderr, /model-copy: other:latest is not on the allow-list/);
    assert.equal(io.replaced, undefined);
    const without = await site.run('exec', '--require-allow-list', ...site.where, '--', 'sh');
    assert.equal(without.status & 2, 2);
    assert.match(without.stderr, /not started/);
  });

  test('starts on a store with a sound blob of the old name, which Ollama renames, and not with an altered one', async () => {
    const blob = model.blob('system');
    const old = blob.replace(/sha256-(?=[^/]*$)/, 'sha256:');
    copyFileSync(blob, old);
    const run = await site.run('exec', ...site.where, '--', 'sh');
    assert.deepEqual([run.status, run.io.replaced?.words], [0, ['sh']], run.stderr);
    flipBit(old, 0, 0);
    const altered = await site.run('exec', ...site.where, '--', 'sh');
    assert.deepEqual([altered.status, altered.io.replaced], [1, undefined], altered.stderr);
  });

  test('hashes nothing the second time', { skip: oneUserOwnsBoth }, async () => {
    assert.match((await site.run('exec', ...site.where, '--', 'sh')).stderr, /\(1[78]\.\d kB hashed now\)/);
    const again = await site.run('exec', ...site.where, '--', 'sh');
    assert.match(again.stderr, /\(0 B hashed now\)/);
    assert.deepEqual(again.io.replaced?.words, ['sh']);
  });

  test('a command that is not there ends with 127, one that may not run with 126, before anything is hashed', async () => {
    flip();
    const absent = await exec(['no-such-command']);
    assert.equal(absent.status, 127);
    assert.match(absent.stderr, /nothing was started: there is no command no-such-command/);
    const file = site.beside('file');
    writeFileSync(file, 'no program', { mode: 0o755 });
    const unfit = await exec([file]);
    assert.deepEqual([unfit.status, unfit.signal], [126, null]);
    assert.match(unfit.stderr, /neither a program \(ELF\) nor a script/);
  });

  test('needs its two dashes, a whole check, and text', async () => {
    const wrong = async (...words: string[]) => {
      const run = await site.run('exec', ...words);
      assert.equal(run.status, 64, words.join(' '));
      return run.stderr;
    };
    assert.match(await wrong('sh'), /stands after --/);
    assert.match(await wrong('--'), /needs a command after --/);
    assert.match(await wrong('sh', '--', '-c'), /stands after --/);
    assert.match(await wrong('--json', '--', 'sh'), /exec prints text/);
    assert.match(await wrong('--quick', '--', 'sh'), /--quick is a flag of check/);
    const io = await runProgramFile(['exec', ...site.where, '--', 'sh'], {
      environment: { VERIFY_MODELS_QUICK: 'true' },
    });
    assert.match(io.stderr, /--quick leaves bytes unread, and exec guards a start/);
  });

  test('SIGTERM while it checks starts nothing: 143', async () => {
    const run = await new Promise<{ status: number | null; said: string }>((resolve) => {
      const big = site.scratch.addModel('registry.ollama.ai/library/big:latest', [
        { kind: 'model', bytes: Buffer.alloc(64 * 1024 * 1024, 5) },
      ]);
      assert.ok(big.name);
      const words = [
        program,
        'exec',
        '--max-rate',
        '1MB',
        '--progress',
        'plain',
        ...site.where,
        '--',
        'sh',
        '-c',
        'echo started',
      ];
      const child = spawn(process.execPath, words, {
        env: { ...bareEnvironment, PATH: process.env.PATH },
      });
      let said = '';
      child.stdout.on('data', (text) => {
        said += text;
      });
      child.stderr.once('data', () => child.kill('SIGTERM')).resume();
      child.once('close', (status) => resolve({ status, said }));
    });
    assert.deepEqual(run, { status: 143, said: '' });
  });

  test('--user: the command runs as that user, with no group of root', {
    skip: !root && 'needs root',
  }, async () => {
    const run = await exec(['sh', '-c', 'id -u; id -g; id -G'], '--user', '61001:61002');
    assert.deepEqual([run.status, run.stdout], [0, '61001\n61002\n61002\n'], run.stderr);
    const named = await exec(['sh', '-c', 'id -un; echo $HOME $USER'], '--user', 'nobody');
    const home = spawnSync('sh', ['-c', 'echo ~nobody'], { encoding: 'utf8' }).stdout.trim();
    assert.equal(named.stdout, `nobody\n${home} nobody\n`);
    assert.match((await exec(['sh'], '--user', 'no-such-user')).stderr, /no such user/);
  });

  test('--user without root is refused', async () => {
    site.uid = 1234;
    const run = await site.run('exec', '--user', 'nobody', ...site.where, '--', 'sh');
    assert.deepEqual([run.status, run.io.became.length], [64, 0]);
    assert.match(run.stderr, /--user needs root/);
  });

  test('a state directory that cannot be used is a full check and a start', async () => {
    writeFileSync(site.beside('file'), '');
    const run = await site.run('exec', '--store', site.store, '--state', site.beside('file'), '--', 'sh');
    assert.equal(run.status, 0);
    assert.match(run.stderr, /every blob is hashed: cannot use the state directory/);
  });

  test('a state directory of another user is not used', { skip: !root && 'needs root' }, async () => {
    mkdirSync(site.state);
    chownSync(site.state, 1234, 1234);
    const run = await site.run('exec', ...site.where, '--', 'sh');
    assert.match(run.stderr, /every blob is hashed: .*belongs to user 1234/);
  });

  test('a termination log that is a link is not followed', async () => {
    flip();
    writeFileSync(site.beside('precious'), 'precious');
    symlinkSync(site.beside('precious'), site.beside('log'));
    const run = await site.run('exec', ...site.where, '--termination-log', site.beside('log'), '--', 'sh');
    assert.equal(run.status, 1);
    assert.match(run.stderr, /REPORT_UNWRITABLE/);
    assert.equal(readFileSync(site.beside('precious'), 'utf8'), 'precious');
  });
});
