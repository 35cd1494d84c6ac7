import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, suite, test } from 'node:test';
import { tool } from '../../cli/commands/index.ts';
import { flipBit } from '../fixtures/damage.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { emptySettings } from '../fixtures/run-main.ts';
import { type SampleModel, sampleLayers } from '../fixtures/sample-store.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';
import { noExecutable, singleExecutable } from '../fixtures/single-executable.ts';
import { until } from '../fixtures/until.ts';

suite('the single executable', { skip: noExecutable }, () => {
  const files = new ScratchFiles();
  let program: string;
  let site: SealedSite;
  let model: SampleModel;
  before(() => {
    program = singleExecutable();
  });
  after(() => files.remove());
  beforeEach(() => {
    site = new SealedSite();
    model = site.scratch.addModel();
  });
  afterEach(() => site.remove());

  /** Where there is no Node.js, nor anything else: a PATH that leads nowhere. */
  const bare = { HOME: '/nonexistent', PATH: '/nonexistent', VERIFY_MODELS_CONFIG: emptySettings };
  const run = (words: readonly string[], environment: NodeJS.ProcessEnv = {}, from = program) =>
    spawnSync(from, words, { encoding: 'utf8', env: { ...bare, ...environment } });

  test('says its version, and what a rule means', () => {
    assert.deepEqual([run(['--version']).stdout, run(['--version']).stderr], [`${tool.version}\n`, '']);
    assert.match(run(['explain', 'blob-altered']).stdout, /^blob-altered: /);
  });

  test('checks with threads of its own, and without any', () => {
    site.scratch.addModel('registry.ollama.ai/library/big:1b', sampleLayers(`${patternedBytes(3_000_000)}`));
    for (const jobs of ['2', '0']) {
      const green = run(['check', ...site.where, '--jobs', jobs, '--json']);
      assert.equal(green.status, 0, green.stderr);
      const { summary } = JSON.parse(green.stdout) as { summary: { ok: number; hashedBytes: number } };
      assert.equal(summary.ok, 2);
      assert.ok(summary.hashedBytes > 3_000_000);
    }
    flipBit(model.blob('system'), 0, 0);
    for (const jobs of ['2', '0']) {
      const red = run(['check', ...site.where, '--jobs', jobs]);
      assert.equal(red.status, 1);
      assert.match(red.stdout, /blob-altered: the system layer of sample:latest/);
    }
  });

  test('holds a store against a signed list', async () => {
    site.keepRealTime();
    await site.approve();
    const list = ['--allow-list', site.list, '--key', site.key('alice').pub];
    const green = run(['check', ...site.where, ...list]);
    assert.equal(green.status, 0, green.stdout + green.stderr);
    site.scratch.addModel('registry.ollama.ai/library/new:1b', sampleLayers('Be brief.'));
    const red = run(['check', ...site.where, ...list]);
    assert.equal(red.status, 2);
    assert.match(red.stdout, /model-not-listed: /);
  });

  test('becomes the command of exec, and never after one flipped bit', () => {
    const words = ['exec', ...site.where, '--', '/bin/sh', '-c', 'echo "$$ $0"; exit 7', 'one'];
    const child = run(words);
    assert.deepEqual([child.status, child.stdout], [7, `${child.pid} one\n`], child.stderr);
    flipBit(model.blob('system'), 0, 0);
    const red = run(words);
    assert.deepEqual([red.status, red.stdout], [1, '']);
    assert.match(red.stderr, /not started: the check failed\n$/);
  });

  test('watches, and serves metrics', async () => {
    const words = ['watch', ...site.where, '--metrics-listen', '127.0.0.1:0'];
    const child: ChildProcess = spawn(program, words, { env: bare, stdio: ['ignore', 'pipe', 'pipe'] });
    try {
      let said = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding('utf8').on('data', (text: string) => {
          said += text;
        });
      }
      await until(() => said.includes('in order: 1 model'));
      const metrics = await fetch(`${/http:\S+/.exec(said)?.[0]}/metrics`);
      assert.match(await metrics.text(), /^verify_models_/m);
      flipBit(model.blob('system'), 0, 0);
      await until(() => said.includes('blob-altered: the system layer'));
    } finally {
      child.kill('SIGTERM');
      await until(() => child.exitCode !== null || child.signalCode !== null);
    }
    assert.equal(child.exitCode, 0);
  });

  test('runs nothing that the environment asks Node.js to run', () => {
    const [script, mark] = [site.beside('inside.cjs'), site.beside('mark')];
    writeFileSync(script, `require('node:fs').writeFileSync(${JSON.stringify(mark)}, '')`);
    for (const options of [`--require=${script}`, '--inspect-brk=127.0.0.1:0', '--no-such-flag']) {
      const { status, stdout } = run(['--version'], { NODE_OPTIONS: options });
      assert.deepEqual([status, stdout], [0, `${tool.version}\n`], options);
    }
    assert.equal(statSync(mark, { throwIfNoEntry: false }), undefined);
  });

  test('takes no word of its command line for Node.js', () => {
    const { status, stderr } = run(['--eval', 'process.exit(9)']);
    assert.equal(status, 64);
    assert.match(stderr, /unknown option '--eval'/);
  });

  suite('copy-self', () => {
    const copyTo = (folder: string) =>
      spawnSync('/bin/sh', ['-c', 'umask 077; exec "$@"', 'sh', program, 'copy-self', folder], {
        encoding: 'utf8',
        env: bare,
      });

    test('puts itself onto a volume, for every user to run, over what was there', () => {
      const folder = site.beside('shared volume');
      mkdirSync(folder);
      const copy = join(folder, 'verify-models');
      writeFileSync(copy, 'an older one');
      const { status, stdout, stderr } = copyTo(folder);
      assert.deepEqual([status, stderr], [0, '']);
      const sha256 = createHash('sha256').update(readFileSync(program)).digest('hex');
      assert.equal(
        stdout.replace(/: .* MB, /, ': '),
        `${copy}: sha256:${sha256}\nnext: '${copy}' exec -- ollama serve\n`,
      );
      assert.ok(readFileSync(copy).equals(readFileSync(program)));
      assert.equal(statSync(copy).mode & 0o777, 0o755);
      assert.deepEqual(readdirSync(folder), ['verify-models']);
      assert.equal(run(['check', ...site.where], {}, copy).status, 0);
    });

    test('says where it cannot, and leaves nothing there', () => {
      writeFileSync(site.beside('a-file'), '');
      for (const [folder, problem] of [
        [site.beside('nowhere'), /no such file or directory/],
        [site.beside('a-file'), /not a directory/],
      ] as const) {
        const { status, stdout, stderr } = copyTo(folder);
        assert.deepEqual([status, stdout], [4, '']);
        assert.match(stderr, /cannot write .*\/verify-models: /);
        assert.match(stderr, problem);
      }
    });

    test('leaves nothing where the volume has too little room', () => {
      const folder = site.beside('small');
      mkdirSync(folder);
      // A file may grow to 512 kB here; a volume that is full says it in another word and at the same place.
      // Node.js hands the coverage of the tests on to its children, whose file of it would be cut off too.
      const words = [
        '-c',
        'unset NODE_V8_COVERAGE; ulimit -f 1000; exec "$@"',
        'sh',
        program,
        'copy-self',
        folder,
      ];
      const { status, stdout, stderr } = spawnSync('/bin/sh', words, { encoding: 'utf8', env: bare });
      assert.deepEqual([status, stdout], [4, '']);
      assert.match(stderr, /file too large/);
      assert.deepEqual(readdirSync(folder), []);
    });
  });
});
