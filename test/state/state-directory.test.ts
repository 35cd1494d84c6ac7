import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, suite, test } from 'node:test';
import { KnownError } from '../../src/errors/index.ts';
import { StateDirectory, type StateEffects } from '../../src/state/index.ts';

const effects: StateEffects = { now: () => new Date(), uid: process.getuid?.(), pid: process.pid };
const isRoot = process.getuid?.() === 0;

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vm-'));
  path = join(folder, 'state');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (own: Partial<StateEffects> = {}) => StateDirectory.open(path, { ...effects, ...own });
const modeOf = (at: string): number => statSync(at).mode & 0o777;

/** Code and problem of the error that an action ends with. */
function errorOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof KnownError, String(error));
    assert.equal(error.exitStatus, 4);
    return `${error.code}: ${error.facts.problem}`;
  }
  assert.fail('nothing was thrown');
}

describe('a state directory', () => {
  test('is made with its parents when it is not there, for its owner alone, whatever the umask', () => {
    path = join(folder, 'a', 'b', 'state');
    const before = process.umask(0);
    try {
      assert.equal(open().path, path);
    } finally {
      process.umask(before);
    }
    assert.equal(modeOf(path), 0o700);
    assert.equal(modeOf(join(folder, 'a')), 0o700);
  });

  test('is taken as it is when it is there', () => {
    mkdirSync(path, { mode: 0o750 });
    open();
    assert.equal(modeOf(path), 0o750);
  });

  for (const mode of [0o770, 0o720, 0o702, 0o777, 0o1777]) {
    test(`of mode ${mode.toString(8)} is refused: others can write into it`, () => {
      mkdirSync(path);
      chmodSync(path, mode);
      assert.equal(errorOf(open), 'STATE_UNUSABLE: others can write into it');
    });
  }

  test('of another user is refused', {
    skip: isRoot ? false : 'needs root, to give a directory away',
  }, () => {
    mkdirSync(path, { mode: 0o700 });
    chownSync(path, 12345, 12345);
    assert.equal(errorOf(open), 'STATE_UNUSABLE: it belongs to user 12345, not to 0');
  });

  test('of another user than the one who runs is refused, unless it is that of root', () => {
    mkdirSync(path, { mode: 0o700 });
    const owner = statSync(path).uid;
    if (owner === 0) assert.equal(open({ uid: 4711 }).path, path);
    else
      assert.equal(
        errorOf(() => open({ uid: 4711 })),
        `STATE_UNUSABLE: it belongs to user ${owner}, not to 4711`,
      );
  });

  suite('of root is refused below a directory that somebody else can change', {
    skip: isRoot ? false : 'needs root, to give a directory away',
  }, () => {
    const problem = (who: string, at: string) =>
      `STATE_UNUSABLE: ${who} can write ${at}, and could put another directory in its place`;

    test('and is not made there', () => {
      path = join(folder, 'a', 'b', 'state');
      for (const [uid, mode, who] of [
        [12345, 0o755, 'user 12345'],
        [0, 0o777, 'every user of this machine'],
        [0, 0o775, 'group 0'],
      ] as const) {
        mkdirSync(join(folder, 'a'), { recursive: true });
        chownSync(join(folder, 'a'), uid, 0);
        chmodSync(join(folder, 'a'), mode);
        assert.equal(errorOf(open), problem(who, join(folder, 'a')));
        assert.deepEqual(readdirSync(join(folder, 'a')), []);
      }
    });

    test('however well it is kept itself, and by whichever link it is reached', () => {
      const his = join(folder, 'his');
      mkdirSync(join(his, 'state'), { recursive: true, mode: 0o700 });
      chownSync(his, 12345, 12345);
      path = join(his, 'state');
      assert.equal(errorOf(open), problem('user 12345', his));
      symlinkSync(path, join(folder, 'state'));
      path = join(folder, 'state');
      assert.equal(errorOf(open), problem('user 12345', his));
      chownSync(his, 0, 0);
      assert.equal(open().path, path);
    });

    test('and taken in a sticky one, where nobody can put another one in its place', () => {
      mkdirSync(join(folder, 'tmp'));
      chmodSync(join(folder, 'tmp'), 0o1777);
      path = join(folder, 'tmp', 'mine', 'state');
      open();
      chownSync(join(folder, 'tmp', 'mine'), 12345, 12345);
      assert.equal(errorOf(open), problem('user 12345', join(folder, 'tmp', 'mine')));
    });

    test('not that of another user, who is led no further than that user may go', () => {
      mkdirSync(path, { mode: 0o700 });
      chmodSync(folder, 0o777);
      assert.equal(open({ uid: 4711 }).path, path);
    });
  });

  test('is not judged by owner and mode where users have no numbers', () => {
    mkdirSync(path);
    chmodSync(path, 0o777);
    assert.equal(open({ uid: undefined }).path, path);
  });

  test('may be reached through a link, whose target is judged', () => {
    mkdirSync(join(folder, 'real'), { mode: 0o700 });
    symlinkSync('real', path);
    open().update('x', () => 'text');
    assert.equal(readFileSync(join(folder, 'real', 'x'), 'utf8'), 'text');
    chmodSync(join(folder, 'real'), 0o777);
    assert.equal(errorOf(open), 'STATE_UNUSABLE: others can write into it');
  });

  test('is refused where a file, a dangling link or nothing that can be made is in its place', () => {
    writeFileSync(path, '');
    assert.match(errorOf(open), /^STATE_UNUSABLE: (EEXIST|ENOTDIR)/);
    path = join(path, 'below');
    assert.match(errorOf(open), /^STATE_UNUSABLE: ENOTDIR/);
    path = join(folder, 'dangling');
    symlinkSync('nowhere', path);
    assert.match(errorOf(open), /^STATE_UNUSABLE: E/);
    assert.ok(!existsSync(join(folder, 'nowhere')));
    path = 'a\0b';
    assert.match(errorOf(open), /^STATE_UNUSABLE: /);
  });
});

describe('a file of the state', () => {
  test('is undefined before it was written, then what was written last, and undefined when it was removed', () => {
    const state = open();
    assert.equal(state.read('x'), undefined);
    state.update('x', (before) => {
      assert.equal(before, undefined);
      return 'one';
    });
    state.update('x', (before) => `${before}, two é\n`);
    assert.equal(state.read('x'), 'one, two é\n');
    assert.equal(open().read('x'), 'one, two é\n');
    state.update('x', () => undefined);
    assert.equal(state.read('x'), undefined);
    state.update('x', () => undefined);
    assert.deepEqual(readdirSync(path), []);
  });

  test('may be empty, which is not the same as not there', () => {
    const state = open();
    state.update('x', () => '');
    assert.equal(state.read('x'), '');
  });

  test('is for its owner alone', () => {
    const before = process.umask(0);
    try {
      open().update('x', () => 'text');
    } finally {
      process.umask(before);
    }
    assert.equal(modeOf(join(path, 'x')), 0o600);
  });

  test('is replaced whole: the old one stays until the new one takes its place', () => {
    const state = open();
    state.update('x', () => 'old');
    const [old, reader] = [lstatSync(join(path, 'x')).ino, join(folder, 'reader')];
    spawnSync('ln', [join(path, 'x'), reader]);
    state.update('x', (before) => {
      assert.equal(readFileSync(join(path, 'x'), 'utf8'), 'old');
      return `${before} and new`;
    });
    assert.notEqual(lstatSync(join(path, 'x')).ino, old);
    assert.equal(readFileSync(reader, 'utf8'), 'old');
    assert.deepEqual(readdirSync(path), ['x']);
  });

  test('of a megabyte is written whole', () => {
    const text = 'é'.repeat(500_000);
    const state = open();
    state.update('x', () => text);
    assert.equal(state.read('x'), text);
  });

  test('stays as it was when its change fails, and nothing is left beside it', () => {
    const state = open();
    state.update('x', () => 'old');
    const failure = () =>
      state.update('x', () => {
        throw new Error('no idea');
      });
    assert.equal(errorOf(failure), 'STATE_UNUSABLE: no idea');
    assert.equal(state.read('x'), 'old');
    assert.deepEqual(readdirSync(path), ['x']);
  });

  test('that cannot be put into its place leaves no temporary file and no lock behind', () => {
    const state = open();
    const failure = () =>
      state.update('x', () => {
        mkdirSync(join(path, 'x'));
        return 'new';
      });
    assert.match(errorOf(failure), /^STATE_UNUSABLE: EISDIR/);
    assert.deepEqual(readdirSync(path), ['x']);
  });

  test('takes the place of what a run that died left half written', () => {
    const state = open();
    writeFileSync(join(path, `.x.${effects.pid}`), 'half of a much longer te');
    state.update('x', () => 'whole');
    assert.equal(state.read('x'), 'whole');
    assert.deepEqual(readdirSync(path), ['x']);
  });

  test('is never written through a link or a FIFO that was laid where its temporary file goes', (t) => {
    const state = open();
    writeFileSync(join(folder, 'precious'), 'precious');
    symlinkSync(join(folder, 'precious'), join(path, `.x.${effects.pid}`));
    state.update('x', () => 'one');
    assert.equal(readFileSync(join(folder, 'precious'), 'utf8'), 'precious');
    assert.ok(lstatSync(join(path, 'x')).isFile());
    if (spawnSync('mkfifo', [join(path, `.x.${effects.pid}`)]).status !== 0) return t.skip('needs mkfifo');
    state.update('x', () => 'two');
    assert.equal(state.read('x'), 'two');
    assert.deepEqual(readdirSync(path), ['x']);
  });
});

describe('a damaged file of the state', () => {
  test('is a directory', () => {
    mkdirSync(join(open().path, 'x'));
    assert.equal(
      errorOf(() => open().read('x')),
      'STATE_DAMAGED: it is not a regular file',
    );
    assert.equal(
      errorOf(() => open().update('x', () => 'y')),
      'STATE_DAMAGED: it is not a regular file',
    );
    assert.equal(existsSync(join(path, '.lock')), false);
  });

  test('is a FIFO, which is not waited for', (t) => {
    open();
    if (spawnSync('mkfifo', [join(path, 'x')]).status !== 0) return t.skip('needs mkfifo');
    assert.equal(
      errorOf(() => open().read('x')),
      'STATE_DAMAGED: it is not a regular file',
    );
  });

  test('is one larger than 16 MiB, which is not read', () => {
    open().update('x', () => '');
    truncateSync(join(path, 'x'), 16 * 1024 * 1024 + 1);
    assert.equal(
      errorOf(() => open().read('x')),
      'STATE_DAMAGED: it is larger than 16 MiB',
    );
  });

  test('is named in its error, with the command that removes it', () => {
    mkdirSync(join(open().path, 'x'));
    assert.throws(
      () => open().read('x'),
      (error) => error instanceof KnownError && error.hint === `remove that file: rm ${join(path, 'x')}`,
    );
  });

  test('is a link, even to a sound one', () => {
    const state = open();
    state.update('y', () => 'text');
    symlinkSync('y', join(path, 'x'));
    symlinkSync('nowhere', join(path, 'z'));
    assert.match(
      errorOf(() => state.read('x')),
      /^STATE_UNUSABLE: ELOOP/,
    );
    assert.match(
      errorOf(() => state.read('z')),
      /^STATE_UNUSABLE: ELOOP/,
    );
    assert.match(
      errorOf(() => state.update('z', () => 'new')),
      /^STATE_UNUSABLE: ELOOP/,
    );
    assert.equal(existsSync(join(path, 'nowhere')), false);
  });

  test('is one without permission', { skip: isRoot ? 'needs a user who is not root' : false }, () => {
    open().update('x', () => 'text');
    chmodSync(join(path, 'x'), 0);
    assert.equal(
      errorOf(() => open().read('x')),
      'STATE_UNUSABLE: EACCES: permission denied',
    );
  });
});
