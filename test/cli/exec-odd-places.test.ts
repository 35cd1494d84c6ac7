import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { flipBit } from '../fixtures/damage.ts';
import { bareEnvironment } from '../fixtures/run-main.ts';
import { program } from '../fixtures/run-program.ts';
import { type SampleModel, sampleLayers } from '../fixtures/sample-store.ts';
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
  afterEach(() => {
    flags = [];
    site.remove();
  });

  const command = ['/bin/echo', 'started'];
  let flags: readonly string[] = [];
  const words = () => ['exec', ...flags, ...site.where, '--', ...command];
  /** In a mount namespace of its own, after a line of shell in which $STATE is the state directory. */
  const after = (line: string, kinds: readonly string[] = ['--mount', '--propagation', 'private']) =>
    spawnSync(
      'unshare',
      [...kinds, 'sh', '-ec', `${line}\nexec "$@"`, 'sh', process.execPath, program, ...words()],
      {
        encoding: 'utf8',
        env: { ...bareEnvironment, PATH: process.env.PATH, STATE: site.state, STORE: site.store },
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

  for (const [action, ...more] of [['quarantine'], ['serve-allowed', '--user', '61001:61001']]) {
    test(`--on-fail ${action} says what to mount where the store alone is mounted, and leaves nothing behind`, () => {
      flipBit(model.blob('system'), 0, 0);
      site.scratch.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Be brief.'));
      flags = ['--on-fail', action ?? '', ...more];
      const { status, stdout, stderr } = after('mount --bind "$STORE" "$STORE"');
      assert.deepEqual([status, stdout], [4, ''], stderr);
      assert.match(stderr, /lies another file system; mount the directory above the store/);
      assert.ok(existsSync(model.blob('system')));
      const quarantine = `${site.store}.quarantine`;
      assert.deepEqual(existsSync(quarantine) ? readdirSync(quarantine) : [], []);
    });
  }

  test('two numbers are a user where there is no /etc/passwd at all', () => {
    flags = ['--user', '61001:61002'];
    command.splice(0, 2, '/usr/bin/id', '-u');
    const { stdout, stderr } = after('mount -t tmpfs tmpfs /etc');
    command.splice(0, 2, '/bin/echo', 'started');
    assert.equal(stdout, '61001\n', stderr);
  });

  test('the store of the user whose home passwd names is checked and started on, not that of root', () => {
    const home = site.beside('home');
    cpSync(site.store, join(home, '.ollama/models'), { recursive: true });
    const passwd = site.beside('passwd');
    writeFileSync(passwd, `root:x:0:0::/root:/bin/sh\nsomebody:x:61001:61001::${home}:/bin/sh\n`);
    // Root has a store too, and another one.
    const rootHome = site.beside('root');
    mkdirSync(join(rootHome, '.ollama/models/manifests'), { recursive: true });
    mkdirSync(join(rootHome, '.ollama/models/blobs'));
    const shown = (user: string) => {
      const show = ['/bin/sh', '-c', 'echo "$OLLAMA_MODELS|$HOME|$USER"'];
      const words = ['exec', '--state', site.state, '--user', user, '--', ...show];
      const line = `mount --bind ${passwd} /etc/passwd\nexec "$@"`;
      const { stdout, stderr } = spawnSync(
        'unshare',
        ['--mount', '--propagation', 'private', 'sh', '-ec', line, 'sh', process.execPath, program, ...words],
        {
          encoding: 'utf8',
          env: { ...bareEnvironment, PATH: process.env.PATH, HOME: rootHome, USER: 'root' },
        },
      );
      return [stdout, stderr] as const;
    };
    for (const user of ['somebody', '61001', '61001:61002']) {
      const [stdout, stderr] = shown(user);
      assert.equal(stdout, `${join(home, '.ollama/models')}|${home}|somebody\n`, stderr);
      assert.match(stderr, /is in order: 1 model/);
    }
  });

  test("as process 1 it becomes process 1, and orphans are the command's, as without it", () => {
    // An orphan of before the start, which ends during the check, and one of the command: who is their parent, and does
    // the command reap both? A shell does, whenever it waits for something.
    const script = `
      echo $$
      (sh -c 'read go < "$0/fifo"; exit 3' "$0" & echo $! > "$0/orphan")
      orphan=$(cat "$0/orphan")
      grep PPid "/proc/$orphan/status"
      : > "$0/fifo"
      while [ -e "/proc/$orphan" ] || grep -qs 'State:.*Z' /proc/[0-9]*/status; do sleep 0.01; done
      echo reaped
      exit 5`;
    const folder = site.beside('orphans');
    mkdirSync(folder);
    assert.equal(spawnSync('mkfifo', [join(folder, 'fifo')]).status, 0);
    const kinds = ['--mount', '--pid', '--fork', '--mount-proc'];
    const words = ['/bin/sh', '-c', script, folder];
    const before = '(sh -c "exit 3" &)';
    const direct = spawnSync('unshare', [...kinds, 'sh', '-ec', `${before}\nexec "$@"`, 'sh', ...words], {
      encoding: 'utf8',
    });
    assert.deepEqual([direct.status, direct.stdout], [5, '1\nPPid:\t1\nreaped\n'], direct.stderr);
    command.splice(0, 2, ...words);
    const { status, stdout, stderr } = after(before, kinds);
    command.splice(0, words.length, '/bin/echo', 'started');
    assert.deepEqual([status, stdout], [direct.status, direct.stdout], stderr);
  });
});
