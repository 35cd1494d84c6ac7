import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { OutputFile } from '../../src/archive/index.ts';
import { lockEffects } from '../fixtures/lock-effects.ts';
import { refusedWith } from '../fixtures/refused-with.ts';
import { noDisk, SmallDisk } from '../fixtures/small-disk.ts';

describe('a file that is written in one go or in several', () => {
  let folder: string;
  let path: string;
  let partial: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vm-'));
    path = join(folder, 'models.tar');
    partial = `${path}.partial`;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Writes parts and finishes. @returns bytes that were there already */
  async function write(...parts: string[]): Promise<number> {
    const file = OutputFile.open(path, lockEffects);
    try {
      for (const part of parts) await file.write(Buffer.from(part));
      await file.finish();
      return file.kept;
    } finally {
      await file.close();
    }
  }
  const content = () => readFileSync(path, 'utf8');

  test('has its name when it is whole', async () => {
    const file = OutputFile.open(path, lockEffects);
    await file.write(Buffer.from('abc'));
    assert.deepEqual([existsSync(path), readFileSync(partial, 'utf8')], [false, 'abc']);
    await file.finish();
    await file.close();
    assert.deepEqual([content(), existsSync(partial), statSync(path).mode & 0o777], ['abc', false, 0o644]);
  });

  for (const [what, before, kept] of [
    ['nothing', '', 0],
    ['the first half', 'abcd', 4],
    ['all of it', 'abcdefgh', 8],
    ['other bytes from some place on', 'abcXefgh', 3],
    ['other bytes from the beginning', 'Xbcdefgh', 0],
    ['more than all of it', 'abcdefghijkl', 8],
    ['zeros at the end, as after a lost power', 'abcd\0\0\0\0', 4],
  ] as const)
    test(`goes on where an earlier run left ${what}`, async () => {
      writeFileSync(partial, before);
      assert.equal(await write('ab', 'cdefg', 'h'), kept);
      assert.deepEqual([content(), existsSync(partial)], ['abcdefgh', false]);
    });

  test('that is finished is only compared', async () => {
    await write('abcdefgh');
    const { ino, mtimeMs } = statSync(path);
    assert.equal(await write('abc', 'defgh'), 8);
    assert.deepEqual([statSync(path).ino, statSync(path).mtimeMs], [ino, mtimeMs]);
    for (const other of ['abcdefgX', 'abc', 'abcdefghi', ''])
      await assert.rejects(write(other), refusedWith('OUTPUT_THERE', path), other);
    assert.equal(content(), 'abcdefgh');
  });

  test('is written by one at a time', async () => {
    const first = OutputFile.open(path, lockEffects);
    await first.write(Buffer.from('abc'));
    assert.throws(() => OutputFile.open(path, lockEffects), refusedWith('OUTPUT_BUSY', partial));
    await first.close();
    assert.deepEqual(readdirSync(folder), ['models.tar.partial']);
    assert.equal(await write('abcd'), 3);
    assert.deepEqual(readdirSync(folder), ['models.tar']);
    rmSync(path);
    // Finished by another one while this one waited for its turn.
    const now = () => {
      writeFileSync(path, 'abX');
      return new Date();
    };
    const second = OutputFile.open(path, { ...lockEffects, now });
    await assert.rejects(second.write(Buffer.from('abc')), refusedWith('OUTPUT_THERE'));
    await second.close();
    assert.deepEqual(readdirSync(folder), ['models.tar']);
  });

  test('waits for nothing that lies in the place of its lock', () => {
    const lock = `${partial}.lock`;
    const fifo = () => spawnSync('mkfifo', [lock]);
    for (const make of [
      () => symlinkSync('/dev/zero', lock),
      () => writeFileSync(lock, 'x'.repeat(5000)),
      fifo,
    ]) {
      make();
      if (lstatSync(lock, { throwIfNoEntry: false }) === undefined) continue;
      assert.throws(() => OutputFile.open(path, lockEffects), refusedWith('OUTPUT_BUSY', partial));
      rmSync(lock);
    }
  });

  test('is no link, no second name of another file, and no FIFO', async () => {
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, partial);
    assert.throws(() => OutputFile.open(path, lockEffects), refusedWith('FILE_UNWRITABLE', partial));
    rmSync(partial);
    linkSync(victim, partial);
    assert.throws(
      () => OutputFile.open(path, lockEffects),
      refusedWith('FILE_UNWRITABLE', 'it is not a file of its own'),
    );
    rmSync(partial);
    for (const fifo of [partial, path]) {
      if (spawnSync('mkfifo', [fifo]).status !== 0) continue;
      assert.throws(() => OutputFile.open(path, lockEffects), refusedWith('FILE_UNWRITABLE', 'it is not a'));
      rmSync(fifo);
    }
    assert.equal(readFileSync(victim, 'utf8'), 'precious');
  });

  test('in a directory that is not there, or in the place of a directory, is told', () => {
    assert.throws(
      () => OutputFile.open(join(folder, 'no', 'x.tar'), lockEffects),
      refusedWith('FILE_UNWRITABLE', 'x.tar.partial'),
    );
    assert.throws(
      () => OutputFile.open(folder, lockEffects),
      refusedWith('FILE_UNWRITABLE', 'it is not a regular file'),
    );
  });

  test('through a link to a finished file is compared, and nothing is written', async () => {
    const other = join(folder, 'other');
    writeFileSync(other, 'abc');
    symlinkSync(other, path);
    assert.equal(await write('abc'), 3);
    await assert.rejects(write('abX'), refusedWith('OUTPUT_THERE'));
    assert.equal(readFileSync(other, 'utf8'), 'abc');
  });

  test('on a disk that is full is told, and goes on when there is room', { skip: noDisk() }, async () => {
    using disk = new SmallDisk('64k');
    path = join(disk.path, 'models.tar');
    const bytes = 'x'.repeat(100_000);
    await assert.rejects(write(bytes), refusedWith('FILE_UNWRITABLE', `${path}.partial`));
    assert.equal(existsSync(path), false);
    disk.resize('1m');
    assert.ok((await write(bytes)) > 0);
    assert.equal(content(), bytes);
  });
});
