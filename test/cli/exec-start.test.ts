import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { constants, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { bareEnvironment } from '../fixtures/run-main.ts';
import { type ProgramRun, program, runProgramFile } from '../fixtures/run-program.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';

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

  const python = spawnSync('python3', ['--version']).status === 0;
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
