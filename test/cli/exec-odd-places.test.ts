import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { flipBit } from '../fixtures/damage.ts';
import { bareEnvironment } from '../fixtures/run-main.ts';
import { program } from '../fixtures/run-program.ts';
import type { SampleModel } from '../fixtures/sample-store.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';

const root =
  process.getuid?.() === 0 && spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']).status === 0;

suite('exec in odd places', { skip: !root && 'needs root and unshare' }, () => {
  let site: SealedSite;
  let model: SampleModel;
  beforeEach(() => {
    site = new SealedSite();
    model = site.scratch.addModel();
    mkdirSync(site.state, { mode: 0o700 });
  });
  afterEach(() => site.remove());

  const command = ['/bin/echo', 'started'];
  const words = () => ['exec', ...site.where, '--', ...command];
  /** In a mount namespace of its own, after a line of shell in which $STATE is the state directory. */
  const after = (line: string, kinds: readonly string[] = ['--mount', '--propagation', 'private']) =>
    spawnSync(
      'unshare',
      [...kinds, 'sh', '-ec', `${line}\nexec "$@"`, 'sh', process.execPath, program, ...words()],
      {
        encoding: 'utf8',
        env: { ...bareEnvironment, PATH: process.env.PATH, STATE: site.state },
      },
    );

  for (const [what, line, why] of [
    [
      'read-only',
      'mount --bind "$STATE" "$STATE"; mount -o remount,bind,ro "$STATE"',
      /read-only file system/,
    ],
    [
      'full',
      'mount -t tmpfs -o size=4k,mode=0700 tmpfs "$STATE"; head -c 4096 /dev/zero > "$STATE/x"',
      /no space left/,
    ],
  ] as const) {
    test(`a state directory that is ${what} costs a full check each time, and says so`, () => {
      for (const _ of [1, 2]) {
        const { status, stdout, stderr } = after(line);
        assert.deepEqual([status, stdout], [0, 'started\n'], stderr);
        assert.match(stderr, why);
        assert.match(stderr, /\(17\.2 kB hashed now\)/);
      }
      flipBit(model.blob('system'), 0, 0);
      assert.deepEqual([after(line).status, after(line).stdout], [1, '']);
    });
  }

  test('as process 1, without anybody who reaps, it becomes process 1', () => {
    command.splice(0, 2, '/bin/sh', '-c', 'echo $$; (sleep 0 & ); exit 5');
    const { status, stdout, stderr } = after('true', ['--mount', '--pid', '--fork', '--mount-proc']);
    command.splice(0, 3, '/bin/echo', 'started');
    assert.deepEqual([status, stdout], [5, '1\n'], stderr);
  });
});
