import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { makeFolders, Place, placeWith, replaceFile } from '../../src/files/index.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

const isRoot = process.getuid?.() === 0;
const mallory = 61_001;

suite('where a file is written', () => {
  let scratch: ScratchStore;
  beforeEach(() => {
    scratch = new ScratchStore();
  });
  afterEach(() => scratch.remove());

  // Only root's own links are followed with open directories.
  for (const careful of isRoot ? [true, false] : [false])
    test(`is the same with ${careful ? 'open directories' : 'plain paths'}`, () => {
      const open = (path: string, last: 'follow' | 'keep') => {
        using place = Place.open(path, last, careful);
        writeFileSync(place.at(), `${last} ${path}`);
        place.sync();
        return place.name;
      };
      mkdirSync(scratch.beside('a/b'), { recursive: true });
      symlinkSync('a', scratch.beside('link'));
      symlinkSync('../file', scratch.beside('a/out'));
      symlinkSync(scratch.beside('a/b/new'), scratch.beside('dangling'));
      assert.equal(open(scratch.beside('a//./b/one'), 'keep'), 'one');
      assert.equal(readFileSync(scratch.beside('a/b/one'), 'utf8'), `keep ${scratch.beside('a//./b/one')}`);
      assert.equal(open(scratch.beside('link/b/two'), 'follow'), 'two');
      assert.ok(existsSync(scratch.beside('a/b/two')));
      assert.equal(open(scratch.beside('link/out'), 'follow'), 'file');
      assert.ok(existsSync(scratch.beside('file')));
      assert.equal(open(scratch.beside('dangling'), 'follow'), 'new');
      assert.ok(existsSync(scratch.beside('a/b/new')));
      {
        using place = Place.open(scratch.beside('link'), 'follow', careful);
        using folder = place.openDirectory();
        assert.deepEqual([...folder.names()].sort(), ['b', 'out']);
      }
      assert.throws(() => open(scratch.beside('absent/file'), 'keep'), { code: 'ENOENT' });
      assert.throws(() => open(scratch.beside('file/file'), 'keep'), { code: 'ENOTDIR' });
    });

  test('two dots go up from where a link leads', () => {
    mkdirSync(scratch.beside('deep/real'), { recursive: true });
    symlinkSync('deep/real', scratch.beside('link'));
    replaceFile(`${scratch.folder}/link/../file`, 'text', 0o644);
    assert.deepEqual(readdirSync(scratch.beside('deep')).sort(), ['file', 'real']);
  });

  test('is a link of /proc where the path leads to an open file: only the kernel can follow it', () => {
    using place = Place.open('/dev/stdout', 'follow', true);
    assert.equal(place.isDescriptor, process.platform === 'linux');
  });

  suite('by root, where somebody else can make links', { skip: !isRoot && 'needs root' }, () => {
    let his: string;
    beforeEach(() => {
      his = scratch.beside('his');
      mkdirSync(his);
      mkdirSync(scratch.beside('of-root'));
      writeFileSync(scratch.beside('of-root/file'), 'of root');
      chownSync(his, mallory, mallory);
    });
    const link = (target: string, name: string, uid = mallory) => {
      symlinkSync(target, join(his, name));
      execFileSync('chown', ['-h', `${uid}:${uid}`, join(his, name)]);
    };
    const unchanged = () => {
      assert.equal(readFileSync(scratch.beside('of-root/file'), 'utf8'), 'of root');
      assert.deepEqual(readdirSync(scratch.beside('of-root')), ['file']);
    };
    const refused = {
      code: 'FILE_UNWRITABLE',
      message: /it is a link that user 61001 made, and root follows no link of another user/,
    };

    test('a link in the place of the file is not followed, and one that is replaced is no way out', () => {
      link('../of-root/file', 'file');
      assert.throws(() => replaceFile(join(his, 'file'), 'text', 0o644), refused);
      unchanged();
      placeWith(join(his, 'file'), 0o644, (fd) => writeFileSync(fd, 'text'));
      assert.equal(statSync(join(his, 'file')).size, 4);
      unchanged();
    });

    test('a link in the place of a directory above it is not followed', () => {
      link('../of-root', 'folder');
      for (const path of ['folder/file', 'folder/new'])
        for (const write of [
          () => replaceFile(join(his, path), 'text', 0o644),
          () => placeWith(join(his, path), 0o644, (fd) => writeFileSync(fd, 'text')),
        ])
          assert.throws(write, refused);
      unchanged();
    });

    test('directories are made by the same way: none behind a link of somebody else', () => {
      makeFolders(join(his, 'a/b'), 0o750);
      assert.equal(statSync(join(his, 'a/b')).mode & 0o777, 0o750);
      makeFolders(join(his, 'a/b'));
      link('../of-root', 'folder');
      assert.throws(() => makeFolders(join(his, 'folder/chunks')), refused);
      unchanged();
    });

    test('a link that root made is followed, wherever it lies; one to a link of somebody else is not', () => {
      link('../of-root/file', 'ours', 0);
      replaceFile(join(his, 'ours'), 'text', 0o644);
      assert.equal(readFileSync(scratch.beside('of-root/file'), 'utf8'), 'text');
      assert.equal(readlinkSync(join(his, 'ours')), '../of-root/file');
      link('/etc/passwd', 'theirs');
      link('theirs', 'hop', 0);
      assert.throws(() => replaceFile(join(his, 'hop'), 'text', 0o644), refused);
    });

    test('a directory that is swapped for a link after it was opened leads nowhere else', () => {
      mkdirSync(join(his, 'folder'));
      placeWith(join(his, 'folder/file'), 0o644, (fd) => {
        renameSync(join(his, 'folder'), join(his, 'was'));
        link('../of-root', 'folder');
        writeFileSync(fd, 'text');
      });
      assert.equal(readFileSync(join(his, 'was/file'), 'utf8'), 'text');
      unchanged();
    });

    test('another process swaps as fast as it can: every write lands in its directory or is refused', async () => {
      mkdirSync(join(his, 'folder'));
      chownSync(join(his, 'folder'), mallory, mallory);
      const line =
        'echo begun; while :; do mv -T folder was && ln -s ../of-root folder; rm -f folder; mv -T was folder; done';
      const partner = spawn('sh', ['-c', line], {
        ...{ uid: mallory, gid: mallory, cwd: his, stdio: ['ignore', 'pipe', 'ignore'] },
      });
      await once(partner.stdout, 'data');
      try {
        for (let round = 0; round < 200; round += 1) {
          try {
            replaceFile(join(his, 'folder/file'), 'text', 0o644);
          } catch (error) {
            const { code, message } = error as Error & { code?: string };
            assert.match(
              `${code} ${message}`,
              /root follows no link of another user|ENOENT|ENOTDIR|ELOOP|FILE_CHANGED/,
            );
          }
          unchanged();
        }
      } finally {
        partner.kill('SIGKILL');
        await once(partner, 'exit');
      }
    });
  });
});
