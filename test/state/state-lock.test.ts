import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lutimesSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { KnownError } from '../../src/errors/index.ts';
import { StateDirectory } from '../../src/state/index.ts';

let path: string;
let lock: string;
let now: Date;

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'vm-'));
  lock = join(path, '.lock');
  now = new Date('2026-09-01T12:00:00Z');
});

afterEach(() => rmSync(path, { recursive: true, force: true }));

/** A run with this process number; `onClock` happens whenever it looks at the clock. */
const run = (pid: number, onClock = () => {}) =>
  StateDirectory.open(path, {
    pid,
    uid: process.getuid?.(),
    now: () => {
      onClock();
      return now;
    },
  });

const later = (seconds: number): Date => new Date(now.getTime() + seconds * 1000);

/** The lock that a run which is dead or still at work holds since then. */
function lockHeldBy(pid: string, since: Date): void {
  writeFileSync(lock, `${pid}\n`);
  utimesSync(lock, since, since);
}

function assertLocked(action: () => void, pid: string): void {
  assert.throws(action, (error) => {
    assert.ok(error instanceof KnownError, String(error));
    assert.deepEqual(
      [error.code, error.exitStatus, error.message],
      ['STATE_LOCKED', 4, `the state directory ${path} is locked by another run (process ${pid})`],
    );
    return true;
  });
}

describe('the lock of the state', () => {
  test('is held while a file is updated, with the number of its process, and gone afterwards', () => {
    run(71).update('x', () => {
      assert.equal(readFileSync(lock, 'utf8'), '71\n');
      assert.equal(statSync(lock).mtimeMs, now.getTime());
      assert.equal(statSync(lock).mode & 0o777, 0o600);
      return 'y';
    });
    assert.deepEqual(readdirSync(path), ['x']);
  });

  test('keeps another run out, which leaves the file and the lock alone', () => {
    run(71).update('x', () => {
      assertLocked(() => run(72).update('x', () => 'of 72'), '71');
      return 'of 71';
    });
    assert.equal(run(72).read('x'), 'of 71');
    run(72).update('x', () => 'of 72');
    assert.equal(run(71).read('x'), 'of 72');
  });

  test('that is a link which leads nowhere is broken like any other', () => {
    symlinkSync('nowhere', lock);
    lutimesSync(lock, later(-61), later(-61));
    run(72).update('x', () => 'y');
    assert.deepEqual(readdirSync(path), ['x']);
  });

  test('is not waited for where it is a FIFO, and nothing of a link is read', (t) => {
    writeFileSync(`${path}/precious`, 'precious');
    symlinkSync('precious', lock);
    lutimesSync(lock, now, now);
    assertLocked(() => run(72).update('x', () => 'y'), 'unknown');
    rmSync(lock);
    if (spawnSync('mkfifo', [lock]).status !== 0) return t.skip('needs mkfifo');
    utimesSync(lock, now, now);
    assertLocked(() => run(72).update('x', () => 'y'), 'unknown');
  });

  test('does not keep readers out', () => {
    run(71).update('x', () => 'old');
    run(71).update('x', () => {
      assert.equal(run(72).read('x'), 'old');
      return 'new';
    });
  });

  test('is given back when the change fails', () => {
    assert.throws(() =>
      run(71).update('x', () => {
        throw new Error('no idea');
      }),
    );
    assert.deepEqual(readdirSync(path), []);
  });

  test('that holds no process number keeps others out all the same', () => {
    lockHeldBy('', now);
    assertLocked(() => run(72).update('x', () => 'y'), 'unknown');
    lockHeldBy('9'.repeat(1000), now);
    assertLocked(() => run(72).update('x', () => 'y'), '9'.repeat(20));
  });
});

describe('a lock that was left behind', () => {
  test('is respected for a minute, then taken over', () => {
    lockHeldBy('70', now);
    now = later(59.999);
    assertLocked(() => run(72).update('x', () => 'y'), '70');
    now = later(0.001);
    run(72).update('x', () => {
      assert.equal(readFileSync(lock, 'utf8'), '72\n');
      return 'y';
    });
    assert.deepEqual(readdirSync(path), ['x']);
  });

  test('is taken over, too, when it comes from the future: the clock was set back', () => {
    lockHeldBy('70', later(3600));
    run(72).update('x', () => 'y');
    assert.equal(run(72).read('x'), 'y');
  });

  test('is not taken over where another run did so in between: its fresh lock is put back', () => {
    lockHeldBy('70', later(-3600));
    let looks = 0;
    // The first look at the clock judges the old lock. Before the second one, at what was renamed, it is fresh.
    const late = run(72, () => {
      looks += 1;
      if (looks === 2) utimesSync(join(path, '.lock.72'), now, now);
    });
    assertLocked(() => late.update('x', () => 'y'), '70');
    assert.deepEqual(readdirSync(path), ['.lock']);
  });

  test('that was taken over is not given back by the run that held it for too long', () => {
    run(71).update('x', () => {
      now = later(120);
      run(72).update('x', () => {
        rmSync(lock);
        writeFileSync(lock, '73\n');
        return 'of 72';
      });
      assert.equal(readFileSync(lock, 'utf8'), '73\n');
      return 'of 71';
    });
    assert.equal(readFileSync(lock, 'utf8'), '73\n');
  });

  test('that somebody removed meanwhile is no error', () => {
    run(71).update('x', () => {
      rmSync(lock);
      return 'y';
    });
    assert.equal(run(71).read('x'), 'y');
    assert.equal(existsSync(lock), false);
  });
});
