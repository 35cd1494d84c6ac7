import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { openBlobs } from '../../src/running/index.ts';
import { BlobHolder } from '../fixtures/blob-holder.ts';
import { MappedWriter, noMapping } from '../fixtures/mapped-writer.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';

describe('the blobs that processes have open', {
  skip: process.platform !== 'linux' && 'needs Linux',
}, () => {
  const files = new ScratchFiles();
  after(() => files.remove());
  const holders: BlobHolder[] = [];
  afterEach(async () => {
    for (const holder of holders.splice(0)) await holder.end();
  });
  let count = 0;
  const blob = (): { path: string; digest: string } => {
    count += 1;
    const digest = sha256(Buffer.from(`${process.pid} ${count}`));
    const path = join(files.folder, digest.replace(':', '-'));
    writeFileSync(path, 'bytes');
    return { path, digest };
  };
  const hold = async (how: 'open' | 'named', path: string): Promise<BlobHolder> => {
    const holder = await BlobHolder.start(how, path);
    holders.push(holder);
    return holder;
  };
  const family = () => new Set(holders.flatMap(({ pid }) => pid ?? []));
  const usesOf = (digest: string) => openBlobs(family()).blobs.filter((use) => use.digest === digest);

  test('are known by device and inode, also when the file has another content by then', async () => {
    const { path, digest } = blob();
    const { ino, dev } = statSync(path, { bigint: true });
    const { pid } = await hold('open', path);
    const [use, ...more] = usesOf(digest);
    assert.deepEqual([use?.how, use?.pid, use?.ino, use?.dev, more.length], ['open', pid, ino, dev, 0]);
    const other = `${path}.new`;
    writeFileSync(other, 'other');
    renameSync(other, path);
    assert.equal(usesOf(digest)[0]?.ino, ino, 'the deleted file is still the one that is open');
  });

  test('are found where they are mapped and closed', { skip: noMapping() }, async () => {
    const { path } = blob();
    const writer = await MappedWriter.start(path);
    try {
      const uses = openBlobs(new Set([writer.pid])).blobs.filter(({ how }) => how === 'open');
      const { ino } = statSync(path, { bigint: true });
      assert.ok(uses.length >= 1);
      for (const use of uses) assert.equal(use.ino, ino);
    } finally {
      await writer.end();
    }
  });

  test('are named by the command line of a process, which says when it started', async () => {
    const { path, digest } = blob();
    await hold('named', path);
    const [use, ...more] = usesOf(digest);
    const { ino, dev } = statSync(path, { bigint: true });
    assert.deepEqual([use?.how, use?.ino, use?.dev, more.length], ['named', ino, dev, 0]);
    const age = Date.now() - (use?.startedAt ?? 0);
    assert.ok(age > -2000 && age < 60_000, `${age} ms`);
  });

  test('of other processes do not count', () => {
    const { path, digest } = blob();
    files.open(path);
    assert.deepEqual(usesOf(digest), []);
    const { blobs, found } = openBlobs(new Set([process.pid]));
    assert.equal(blobs.filter((use) => use.digest === digest).length, 1);
    assert.deepEqual([found, openBlobs(new Set()).found], [true, false]);
  });

  test('are nothing where /proc has other things in it', () => {
    const proc = join(files.folder, 'proc');
    for (const name of ['1', '2', 'net']) mkdirSync(join(proc, name), { recursive: true });
    writeFileSync(join(proc, '1', 'stat'), 'odd');
    writeFileSync(join(proc, '2', 'stat'), '2 (a ) b) S '.concat('0 '.repeat(40)));
    writeFileSync(join(proc, '2', 'maps'), `odd\n0-1 r--p 0 fe:00 7 /x/sha256-${'0'.repeat(64)} (deleted)\n`);
    const { blobs, closed } = openBlobs(new Set([1, 2, 3]), proc);
    assert.deepEqual(
      blobs.map(({ pid, ino, dev }) => [pid, ino, dev]),
      [[2, 7n, undefined]],
    );
    assert.deepEqual(closed, [2]);
    rmSync(proc, { recursive: true });
  });
});
