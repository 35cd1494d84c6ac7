import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { trustedBy, whoCanSwap, whoCanWrite } from '../../src/files/index.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

const isRoot = process.getuid?.() === 0;
const me = process.getuid?.() ?? 0;
const [mallory, owner] = [61_001, 61_002];
const root = { users: [0] };

suite('who can put another file in the place of a path', { skip: !isRoot && 'needs root' }, () => {
  let scratch: ScratchStore;
  beforeEach(() => {
    scratch = new ScratchStore();
  });
  afterEach(() => scratch.remove());

  /** A directory of an owner and a mode. */
  const folder = (path: string, uid = 0, mode = 0o755): string => {
    const made = scratch.beside(path);
    mkdirSync(made, { recursive: true });
    chownSync(made, uid, uid);
    chmodSync(made, mode);
    return made;
  };
  const file = (path: string, uid = 0, mode = 0o644): string => {
    const made = scratch.beside(path);
    writeFileSync(made, 'x');
    chownSync(made, uid, uid);
    chmodSync(made, mode);
    return made;
  };

  test('nobody, where root owns every directory and others only read them', () => {
    folder('a/b');
    assert.equal(whoCanWrite(file('a/b/key'), root), undefined);
    assert.equal(whoCanWrite('/etc/passwd', root), undefined);
    assert.equal(whoCanSwap('/', root), undefined);
  });

  test('the owner of any directory above it, however far', () => {
    const far = folder('a', mallory);
    folder('a/b');
    assert.deepEqual(whoCanSwap(file('a/b/key'), root), { path: far, who: `user ${mallory}` });
    assert.equal(whoCanSwap(scratch.beside('a/b/key'), { users: [0, mallory] }), undefined);
  });

  test('whoever may write a directory above it', () => {
    const shared = folder('a', 0, 0o777);
    folder('a/b');
    assert.deepEqual(whoCanSwap(file('a/b/key'), root), { path: shared, who: 'every user of this machine' });
    chmodSync(shared, 0o775);
    chownSync(shared, 0, 50);
    assert.deepEqual(whoCanSwap(scratch.beside('a/b/key'), root), { path: shared, who: 'group 50' });
  });

  test('nobody in a sticky directory, where the entry belongs to root; its owner, where it does not', () => {
    folder('a', 0, 0o1777);
    folder('a/b');
    assert.equal(whoCanSwap(file('a/b/key'), root), undefined);
    const his = folder('a/his', mallory);
    assert.deepEqual(whoCanSwap(join(his, 'key'), root), { path: his, who: `user ${mallory}` });
    const sticky = folder('c', mallory, 0o1777);
    assert.deepEqual(whoCanSwap(file('c/key'), root), { path: sticky, who: `user ${mallory}` });
  });

  test('the owner of a link in a sticky directory, and of the directory in which a link lies', () => {
    folder('real');
    file('real/key');
    folder('tmp', 0, 0o1777);
    const link = scratch.beside('tmp/link');
    symlinkSync('../real', link);
    assert.equal(whoCanSwap(join(link, 'key'), root), undefined);
    execFileSync('chown', ['-h', `${mallory}`, link]);
    assert.deepEqual(whoCanSwap(join(link, 'key'), root), { path: link, who: `user ${mallory}` });
    const his = folder('his', mallory);
    symlinkSync('/etc', join(his, 'etc'));
    assert.deepEqual(whoCanSwap(join(his, 'etc/passwd'), root), { path: his, who: `user ${mallory}` });
  });

  test('the owner of a directory through which a link leads, though nothing on the path as typed is theirs', () => {
    const his = folder('his', mallory);
    folder('his/keys');
    file('his/keys/key');
    symlinkSync(join(his, 'keys'), scratch.beside('keys'));
    symlinkSync('keys/../keys/key', scratch.beside('key'));
    const found = { path: his, who: `user ${mallory}` };
    assert.deepEqual(whoCanSwap(scratch.beside('keys/key'), root), found);
    assert.deepEqual(whoCanSwap(scratch.beside('key'), root), found);
  });

  test('two dots go up from where the path really is', () => {
    folder('deep/real');
    const his = folder('deep/his', mallory);
    symlinkSync('deep/real', scratch.beside('link'));
    file('deep/his/key');
    assert.deepEqual(whoCanSwap(`${scratch.folder}/link/../his/key`, root), {
      path: his,
      who: `user ${mallory}`,
    });
  });

  test('links in a circle, and what is not there, are judged as far as they are there', () => {
    symlinkSync('b', scratch.beside('a'));
    symlinkSync('a', scratch.beside('b'));
    assert.equal(whoCanSwap(scratch.beside('a'), root), undefined);
    assert.equal(whoCanWrite(scratch.beside('absent/file'), root), undefined);
    const shared = folder('shared', 0, 0o777);
    assert.deepEqual(whoCanSwap(join(shared, 'absent'), root), {
      path: shared,
      who: 'every user of this machine',
    });
  });

  test('a name that is not UTF-8 is followed like any other', () => {
    const his = Buffer.concat([Buffer.from(`${scratch.folder}/`), Buffer.from([0xff])]);
    mkdirSync(his);
    writeFileSync(Buffer.concat([his, Buffer.from('/key')]), 'x');
    symlinkSync(his, scratch.beside('link'));
    assert.equal(whoCanWrite(scratch.beside('link/key'), root), undefined);
    chownSync(his, mallory, mallory);
    assert.deepEqual(whoCanSwap(scratch.beside('link/key'), root), {
      path: `${scratch.folder}/\\xff`,
      who: `user ${mallory}`,
    });
  });

  suite('who can write the end of it', () => {
    test('its owner, its group and everybody, by its mode; a sticky directory protects what is in it, and not itself', () => {
      const at = (path: string) => whoCanWrite(path, root);
      const his = file('his', mallory);
      assert.deepEqual(at(his), { path: his, who: `user ${mallory}` });
      assert.equal(whoCanSwap(his, root), undefined);
      assert.deepEqual(at(file('all', 0, 0o666)), {
        path: scratch.beside('all'),
        who: 'every user of this machine',
      });
      assert.deepEqual(at(file('group', 0, 0o664)), { path: scratch.beside('group'), who: 'group 0' });
      assert.deepEqual(at(folder('sticky', 0, 0o1777)), {
        path: scratch.beside('sticky'),
        who: 'every user of this machine',
      });
    });

    test('is asked of the file, not of the link that leads to it', () => {
      symlinkSync('key', scratch.beside('link'));
      file('key', 0, 0o666);
      assert.deepEqual(whoCanWrite(scratch.beside('link'), root), {
        path: scratch.beside('key'),
        who: 'every user of this machine',
      });
    });

    test('the group with the number of a user is theirs alone; root has no such group', () => {
      const his = file('key', owner, 0o664);
      chmodSync(scratch.folder, 0o755);
      assert.equal(whoCanWrite(his, trustedBy(owner)), undefined);
      assert.deepEqual(whoCanWrite(his, { users: [0, owner] }), { path: his, who: `group ${owner}` });
      chownSync(his, owner, 50);
      assert.deepEqual(whoCanWrite(his, trustedBy(owner)), { path: his, who: 'group 50' });
    });
  });

  test('nobody, where the mount is read-only, whatever its modes say; its owner is still somebody else', (t) => {
    folder('volume', 0, 0o777);
    file('volume/key', 0, 0o666);
    const program = `
      import { whoCanWrite } from ${JSON.stringify(new URL('../../src/files/index.ts', import.meta.url).href)};
      console.log(JSON.stringify(whoCanWrite(process.argv[1], { users: [0] }) ?? 'nobody'));`;
    const ask = () =>
      spawnSync(
        'unshare',
        [
          ...[
            '-m',
            'sh',
            '-c',
            'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"',
          ],
          ...['sh', scratch.beside('volume'), process.execPath, '--input-type=module', '-e', program],
          scratch.beside('volume/key'),
        ],
        { encoding: 'utf8' },
      );
    const first = ask();
    if (first.status !== 0) return t.skip(`no mounts here: ${first.stderr}`);
    assert.equal(first.stdout, '"nobody"\n');
    chownSync(scratch.beside('volume'), mallory, mallory);
    assert.equal(
      ask().stdout,
      `${JSON.stringify({ path: scratch.beside('volume'), who: `user ${mallory}` })}\n`,
    );
  });
});

test('what a user made is beyond the reach of the others, in a directory that is sticky too', () => {
  const scratch = new ScratchStore();
  try {
    assert.equal(whoCanWrite(scratch.at('blobs'), trustedBy(me)), undefined);
  } finally {
    scratch.remove();
  }
});
