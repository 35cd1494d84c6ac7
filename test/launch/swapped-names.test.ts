import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { server, ViewSite } from '../fixtures/view-site.ts';

const root = process.getuid?.() === 0;
const owner = 61_002;

const noReflinks = (): void => {
  throw Object.assign(new Error('no reflinks'), { code: 'ENOTSUP' });
};

/** A shell as another user, which does the same again and again until it is killed. */
function again(uid: number, line: string, ...words: readonly string[]): ChildProcess {
  return spawn('sh', ['-c', `echo begun; while :; do ${line}; done`, ...words], {
    uid,
    gid: uid,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

suite('the owner of a store swaps its names while a view of it is made', {
  skip: !root && 'needs root',
}, () => {
  let site: ViewSite;
  let blob: string;
  let good: Buffer;
  beforeEach(() => {
    site = new ViewSite();
    site.giveTo(owner);
    blob = site.model.blob('system');
    good = readFileSync(blob);
  });
  afterEach(() => site.remove());

  /** Does something at the moment at which the first blob of that name was judged and not yet shared. */
  const atTheMoment = (swap: () => void, clone: (from: string, to: Buffer) => void) => {
    const judged = statSync(blob).ino;
    let isDone = false;
    return (from: string, to: Buffer) => {
      if (!isDone && statSync(from).ino === judged) {
        isDone = true;
        swap();
      }
      clone(from, to);
    };
  };
  const swapFor = (make: () => void) => () => {
    renameSync(blob, `${blob}-was`);
    make();
  };
  const noSecret = () => {
    for (const text of site.textsInView()) assert.notEqual(text, site.secretText);
  };
  const replaced = { code: 'START_REFUSED', message: /blobs\/sha256-[0-9a-f]{64} was replaced/ };

  test('for a link to a file of root: what was judged is shared, and the file is not', async () => {
    const swap = swapFor(() => symlinkSync(site.secret, blob));
    await site.build(atTheMoment(swap, copyFileSync));
    assert.deepEqual(readFileSync(site.inView('system')), good);
    noSecret();
  });

  test('for a link to a file of root, without reflinks: it is refused', async () => {
    const swap = swapFor(() => symlinkSync(site.secret, blob));
    await assert.rejects(site.build(atTheMoment(swap, noReflinks)), replaced);
    assert.equal(existsSync(site.inView('system')), false);
    noSecret();
  });

  test('for a file that the command can write, without reflinks: no name in the view leads to it', async () => {
    const swap = swapFor(() => {
      writeFileSync(blob, good);
      chownSync(blob, server.uid, server.gid);
    });
    await assert.rejects(site.build(atTheMoment(swap, noReflinks)), replaced);
    assert.equal(existsSync(site.inView('system')), false);
  });

  test('and lets the command write a blob by an access list: no hard link is made to it', async () => {
    // What an access list shows of itself in the mode: its group stands for all that it names.
    chmodSync(blob, 0o664);
    const refused = { code: 'START_REFUSED', message: /a hard link would be no protection/ };
    await assert.rejects(site.build(noReflinks), refused);
    chmodSync(blob, 0o644);
    await site.build(noReflinks);
    chmodSync(blob, 0o664);
    await assert.rejects(site.build(noReflinks), refused);
  });

  test('for another file with other bytes before it is opened: nobody reads them in the view', async () => {
    rmSync(blob);
    // What a kernel without fs.protected_hardlinks lets everybody do.
    linkSync(site.secret, blob);
    await assert.rejects(site.build(copyFileSync), replaced);
    noSecret();
    assert.equal(statSync(site.secret).mode & 0o777, 0o600);
  });

  test('for a link before it is opened: it is refused', async () => {
    rmSync(blob);
    symlinkSync(site.secret, blob);
    const refused = { code: 'START_REFUSED', message: /is not a regular file that can be opened/ };
    await assert.rejects(site.build(copyFileSync), refused);
    noSecret();
  });

  test('for another manifest after the check: it is refused, and copied nowhere', async () => {
    rmSync(site.model.manifestPath);
    linkSync(site.secret, site.model.manifestPath);
    const refused = { code: 'START_REFUSED', message: /the manifest .* was replaced since its check/ };
    await assert.rejects(site.build(copyFileSync), refused);
    noSecret();
  });

  test('and owns the bytes: what shares them belongs to root, and he cannot make it writable again', async () => {
    await site.build(copyFileSync);
    assert.deepEqual(statSync(blob).uid, owner);
    const { uid, gid, mode } = statSync(site.inView('system'));
    assert.deepEqual([uid, gid, mode & 0o7777], [0, 0, 0o444]);
  });

  test('and owns a copy that an earlier version made: it is made again', async () => {
    await site.build(copyFileSync);
    const copy = site.inView('system');
    utimesSync(copy, 4e9, 4e9);
    const before = statSync(copy).ino;
    await site.build(copyFileSync);
    assert.equal(statSync(copy).ino, before);
    chownSync(copy, owner, owner);
    await site.build(copyFileSync);
    assert.deepEqual([statSync(copy).uid, statSync(copy).ino === before], [0, false]);
  });

  test('and gives a blob the mode of a program that runs as its owner: nobody can reach the copy while it has that mode', async () => {
    chmodSync(blob, 0o6777);
    const modes: number[] = [];
    await site.build((from, to) => {
      copyFileSync(from, to);
      // As cloning does it: the copy has the mode of what was copied.
      chmodSync(to, 0o6777);
      modes.push(statSync(dirname(to.toString())).mode & 0o777);
    });
    assert.deepEqual(new Set(modes), new Set([0o700]));
    assert.equal(statSync(site.inView('system')).mode & 0o7777, 0o444);
  });

  test('and owns a directory above the place of the view: it is refused', async () => {
    for (const mode of [0o755, 0o777]) {
      chownSync(site.scratch.folder, mode === 0o755 ? 61_003 : 0, 0);
      chmodSync(site.scratch.folder, mode);
      const refused = { code: 'START_REFUSED', message: /could put another view in the place of/ };
      await assert.rejects(site.build(copyFileSync), refused);
      assert.equal(existsSync(site.view), false);
    }
  });

  suite('as a process of their own, as fast as they can', () => {
    const rounds = 25;
    let mallory: ChildProcess;
    const race = async (line: string, ...words: readonly string[]) => {
      mallory = again(owner, line, blob, ...words);
      await once(mallory.stdout ?? mallory, 'data');
    };
    afterEach(async () => {
      mallory.kill('SIGKILL');
      await once(mallory, 'exit');
    });

    for (const [kind, clone] of [
      ['with', copyFileSync],
      ['without', noReflinks],
    ] as const)
      test(`${kind} reflinks: every view has the right bytes, or none is made`, async () => {
        linkSync(blob, `${blob}-good`);
        await race(
          'ln -sf "$1" "$0-l"; mv -f "$0-l" "$0"; ln -f "$0-good" "$0-g"; mv -f "$0-g" "$0"',
          site.secret,
        );
        for (let round = 0; round < rounds; round += 1) {
          rmSync(site.view, { recursive: true, force: true });
          try {
            await site.build(clone);
            assert.deepEqual(readFileSync(site.inView('system')), good);
            assert.notEqual(statSync(site.inView('system')).uid, server.uid);
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'START_REFUSED', String(error));
          }
          noSecret();
        }
      });
  });
});
