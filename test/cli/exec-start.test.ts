import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, constants, copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { FakeIo } from '../fixtures/fake-io.ts';
import { bareEnvironment, runMainWith } from '../fixtures/run-main.ts';
import { type ProgramRun, program, runProgramFile } from '../fixtures/run-program.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';

const root = process.getuid?.() === 0;

suite('what exec hands over', () => {
  let site: SealedSite;
  beforeEach(() => {
    site = new SealedSite();
    site.scratch.addModel();
  });
  afterEach(() => site.remove());

  /** In a process of its own, as it is installed. */
  const exec = (
    words: readonly string[],
    more: readonly string[] = [],
    environment: Record<string, string> = {},
  ): Promise<ProgramRun> =>
    runProgramFile(['exec', ...more, ...site.where, '--', ...words], {
      environment: { PATH: process.env.PATH ?? '', ...environment },
    });

  test('the store that was checked, whatever the environment says', async () => {
    const link = site.beside('link');
    symlinkSync(site.store, link);
    for (const [store, variable] of [
      [['--store', site.store], undefined],
      [['--store', site.store], '/another/store'],
      [['--store', link], '/another/store'],
      [[], `"${site.store}" `],
    ] as const) {
      const io = site.io(variable === undefined ? {} : { OLLAMA_MODELS: variable });
      const run = await runMainWith(io, ['exec', ...store, '--state', site.state, '--', 'sh']);
      assert.equal(run.status, 0, run.stderr);
      assert.equal(io.replaced?.environment.OLLAMA_MODELS, site.store);
    }
  });

  test('the home and the name of the user, never those of root', {
    skip: !root && 'needs root',
  }, async () => {
    const show = ['sh', '-c', 'echo "$HOME|$USER|$LOGNAME"'];
    const ofRoot = { HOME: '/root', USER: 'root', LOGNAME: 'root' };
    const shown = async (user: string) => (await exec(show, ['--user', user], ofRoot)).stdout.trim();
    const [home, uid] = ['~', '-u'].map((what) =>
      spawnSync('sh', ['-c', what === '~' ? 'echo ~nobody' : 'id -u nobody'], {
        encoding: 'utf8',
      }).stdout.trim(),
    );
    assert.equal(await shown('nobody'), `${home}|nobody|nobody`);
    assert.equal(await shown(`${uid}:61002`), `${home}|nobody|nobody`);
    assert.equal(await shown('61001:61002'), '/||');
    const other = await exec(['env', 'HOME=/srv', ...show], ['--user', '61001:61002'], ofRoot);
    assert.equal(other.stdout, '/srv||\n');
  });

  test('a program that its user may execute and not read', { skip: !root && 'needs root' }, async () => {
    chmodSync(site.scratch.folder, 0o711);
    const file = site.beside('sh');
    copyFileSync('/bin/sh', file);
    chmodSync(file, 0o711);
    const run = await exec([file, '-c', 'exit 5'], ['--user', '61001:61001']);
    assert.deepEqual([run.status, run.signal], [5, null], run.stderr);
  });

  test('nothing where execve would fail: 126, and no abort', async () => {
    for (const [name, line] of [
      ['crlf', '#!/bin/sh\r\n'],
      ['long', `#!/${'/'.repeat(300)}bin/sh\n`],
    ] as const) {
      const file = site.beside(name);
      writeFileSync(file, line, { mode: 0o755 });
      const run = await exec([file]);
      assert.deepEqual([run.status, run.signal], [126, null], run.stderr);
    }
  });

  test('nothing where Node.js would hand over something else: a word or a variable that is not UTF-8', () => {
    const started = (line: string) => {
      const words = [process.execPath, program, 'exec', ...site.where, '--'];
      const { status, stdout, stderr } = spawnSync('sh', ['-c', line, 'sh', ...words], {
        encoding: 'utf8',
        env: { ...bareEnvironment, PATH: process.env.PATH },
      });
      return [status, stdout, stderr.trim().split('\n')[0]];
    };
    const text = `"$(printf 'caf\\351')"`;
    const sentence = (what: string) =>
      `verify-models: nothing was started: echo cannot be run: ${what} is not UTF-8, and Node.js would hand it over altered (COMMAND_NOT_EXECUTABLE)`;
    assert.deepEqual(started(`"$@" echo ${text}`), [126, '', sentence('the word caf\ufffd')]);
    const variable = 'the variable WHERE (env -u WHERE takes it away)';
    assert.deepEqual(started(`WHERE=${text} exec "$@" echo started`), [126, '', sentence(variable)]);
    assert.deepEqual(started('"$@" echo café').slice(0, 2), [0, 'café\n']);
  });

  const caged = root && spawnSync('setpriv', ['--bounding-set=-all', 'true']).status === 0;
  test('nothing where root may not become its user, and the sentence that says why', {
    skip: !caged && 'needs root and setpriv',
  }, () => {
    const words = [program, 'exec', '--user', '61001:61001', ...site.where, '--', 'echo', 'started'];
    const cage = ['--bounding-set=-setuid,-setgid', '--inh-caps=-all', process.execPath];
    const { status, stdout, stderr } = spawnSync('setpriv', [...cage, ...words], {
      encoding: 'utf8',
      env: { ...bareEnvironment, PATH: process.env.PATH },
    });
    assert.deepEqual([status, stdout], [64, ''], stderr);
    assert.match(
      stderr,
      /--user 61001:61001: this process may not become that user \(EPERM.*SETUID and SETGID/,
    );
  });

  const python = spawnSync('python3', ['--version']).status === 0;
  test('as many words as the stack has room for', {
    skip: !python && 'needs python3, to raise the limit',
  }, async () => {
    const start =
      "import os, resource, sys; resource.setrlimit(resource.RLIMIT_STACK, (64 << 20, -1)); os.execvp(sys.argv[1], sys.argv[1:] + ['x' * 100000] * 30)";
    const words = [
      process.execPath,
      program,
      'exec',
      '--quiet',
      ...site.where,
      '--',
      'sh',
      '-c',
      'echo $#',
      'sh',
    ];
    const { stdout, stderr } = spawnSync('python3', ['-c', start, ...words], {
      encoding: 'utf8',
      env: { ...bareEnvironment, PATH: process.env.PATH },
    });
    assert.equal(stdout, '30\n', stderr);
  });

  suite('outputs that are as it got them itself', () => {
    /** The status flags of 0, 1 and 2 of a shell, in a file. */
    const script = 'cat /proc/$$/fdinfo/0 /proc/$$/fdinfo/1 /proc/$$/fdinfo/2 | grep flags > "$0"';
    const flagsOf = async (
      start: (words: readonly string[]) => Promise<unknown>,
      through: readonly string[],
    ) => {
      const file = site.beside('flags');
      await start([...through, 'sh', '-c', script, file]);
      return readFileSync(file, 'utf8');
    };
    const ended = (child: ReturnType<typeof spawn>) => {
      child.stdout?.resume();
      child.stderr?.resume();
      return new Promise((resolve) => child.once('close', resolve));
    };
    const env = { ...bareEnvironment, PATH: process.env.PATH };
    const spawned = (words: readonly string[]) =>
      ended(spawn(words[0] ?? '', words.slice(1), { env, stdio: 'pipe' }));
    const compare = async (start: (words: readonly string[]) => Promise<unknown>, nonBlocking: boolean) => {
      const through = [process.execPath, program, 'exec', ...site.where, '--'];
      const direct = await flagsOf(start, []);
      assert.equal(await flagsOf(start, through), direct);
      const set = direct
        .split('\n')
        .slice(1, 3)
        .map((line) => Number.parseInt(line.split(/\s+/)[1] ?? '', 8));
      assert.deepEqual(
        set.map((flags) => (flags & constants.O_NONBLOCK) !== 0),
        [nonBlocking, nonBlocking],
      );
    };

    test('sockets', () => compare((words) => spawned(words), false));
    test('pipes', () =>
      compare((words) => spawned(['sh', '-c', '{ "$@"; } 2>&1 </dev/null | cat', 'sh', ...words]), false));
    test('a pipe that somebody made non-blocking', { skip: !python && 'needs python3, to make one' }, () => {
      const start =
        'import os, subprocess, sys; r, w = os.pipe(); os.set_blocking(w, False); subprocess.run(sys.argv[1:], stdout=w, stderr=w)';
      return compare((words) => spawned(['python3', '-c', start, ...words]), true);
    });
  });

  /** SIGTERM for this process, at a place of exec where nothing waits: none, once it was sent. */
  const late: readonly (readonly [string, (send: () => void) => FakeIo])[] = [
    [
      'between the check and the last look at the store',
      (send) => {
        class AtTheEndOfProgress extends FakeIo {
          override readonly every = (): (() => void) => send;
        }
        return new AtTheEndOfProgress({ environment: bareEnvironment, uid: 0 });
      },
    ],
    [
      'while the start is told',
      (send) => {
        const onText = (text: string) => text.includes('; starting sh') && send();
        return new FakeIo({ environment: bareEnvironment, uid: 0, stderr: { onText } });
      },
    ],
    [
      'while the user is changed',
      (send) => {
        class AtTheChange extends FakeIo {
          override readonly become = send;
        }
        return new AtTheChange({ environment: bareEnvironment, uid: 0 });
      },
    ],
  ];
  for (const [when, make] of late) {
    test(`nothing once somebody asked for an end, however late: ${when}`, async () => {
      let sent = 0;
      const io = make(() => {
        sent += 1;
        process.kill(process.pid, 'SIGTERM');
      });
      const listener = () => io.interrupt(143);
      process.once('SIGTERM', listener);
      try {
        const flags = ['--progress', 'plain', '--user', 'nobody', ...site.where];
        const run = await runMainWith(io, ['exec', ...flags, '--', 'sh']);
        assert.deepEqual([run.status, sent, io.replaced], [143, 1, undefined], run.stderr);
      } finally {
        process.off('SIGTERM', listener);
      }
    });
  }

  test('a report that tells its own exit status from that of the command', async () => {
    const file = site.beside('report.json');
    const report = async () => {
      const run = await exec(['sh', '-c', 'exit 1'], ['--report', `json=${file}`]);
      const { exitCode, findings } = JSON.parse(readFileSync(file, 'utf8')) as {
        exitCode: number;
        findings: { rule: string }[];
      };
      return [run.status, exitCode, findings.some(({ rule }) => rule === 'orphan-altered')];
    };
    assert.deepEqual(await report(), [1, 0, false]);
    writeFileSync(site.scratch.at('blobs', `sha256-${'0'.repeat(64)}`), 'altered');
    assert.deepEqual(await report(), [1, 1, true]);
  });
});
