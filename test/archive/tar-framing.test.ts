import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { extract, pack } from 'tar-stream';
import {
  describeHeader,
  endOfTar,
  entrySize,
  headerBlock,
  headerOf,
  padded,
} from '../../src/archive/tar-framing.ts';
import { octalSize, rawEntry, rawHeader } from '../fixtures/raw-tar.ts';

const gib = 2 ** 30;
const noTar = spawnSync('tar', ['--version']).status === 0 ? false : 'needs tar';

async function packed(name: string, bytes: Buffer): Promise<Buffer> {
  const tar = pack();
  tar.entry(headerOf({ name, size: bytes.length, mode: 0o644 }), bytes);
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts);
}

describe('the framing of a tar', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('is in blocks of 512 bytes', () => {
    assert.deepEqual([0, 1, 511, 512, 513].map(padded), [0, 512, 512, 512, 1024]);
    assert.deepEqual([0, 1, 512].map(entrySize), [512, 1024, 1024]);
    assert.deepEqual(endOfTar, Buffer.alloc(1024));
  });

  test('a header is the one that tar-stream writes, and the same each time', async () => {
    for (const size of [0, 1, 600]) {
      const tar = await packed('blobs/sha256/x', Buffer.alloc(size, 7));
      const header = await headerBlock({ name: 'blobs/sha256/x', size, mode: 0o644 });
      assert.deepEqual(header, tar.subarray(0, 512));
      assert.deepEqual(header, rawHeader({ name: 'blobs/sha256/x', size: octalSize(size) }));
      assert.equal(tar.length, entrySize(size) + endOfTar.length);
    }
  });

  test('of more than 8 GiB too, in one block, and other readers read the same size', {
    skip: noTar,
  }, async () => {
    for (const size of [8 * gib - 1, 8 * gib, 9 * gib + 5, 2 ** 40]) {
      const header = await headerBlock({ name: 'large', size, mode: 0o644 });
      assert.equal(header.length, 512);
      const path = join(folder, 'large.tar');
      writeFileSync(path, header);
      // The content is not there: the listing comes first, and then the complaint.
      const { stdout } = spawnSync('tar', ['-tvf', path], { encoding: 'utf8', env: { LC_ALL: 'C' } });
      assert.match(stdout, new RegExp(` ${size} .* large\\n`));
      const read = Promise.withResolvers<number | undefined>();
      const reader = extract();
      reader.on('entry', ({ size: found }) => read.resolve(found));
      reader.on('error', () => {});
      reader.write(header);
      assert.equal(await read.promise, size);
      reader.destroy();
    }
  });

  test('GNU tar unpacks what is framed so', { skip: noTar }, async () => {
    const bytes = Buffer.from('x'.repeat(700));
    const header = await headerBlock({ name: 'bom/x.json', size: bytes.length, mode: 0o755 });
    const path = join(folder, 'x.tar');
    writeFileSync(path, Buffer.concat([header, bytes, Buffer.alloc(padded(700) - 700), endOfTar]));
    assert.equal(spawnSync('tar', ['-xf', path, '-C', folder]).status, 0);
    assert.deepEqual(readFileSync(join(folder, 'bom', 'x.json')), bytes);
  });

  test('what is no header of ours is told as what it is, and control characters come to no terminal', () => {
    for (const [block, words] of [
      [Buffer.alloc(512), 'a block of zeros'],
      [Buffer.alloc(512, 'x'), 'no tar header'],
      [Buffer.alloc(10, 1), 'no tar header'],
      [rawHeader({ name: 'a', type: '1' }), 'a hard link called a, of 00000000000 bytes (octal)'],
      [rawHeader({ name: 'a', type: '2' }), 'a link called a, of 00000000000 bytes (octal)'],
      [
        rawHeader({ name: 'a', type: '7' }),
        'an entry of an unknown kind called a, of 00000000000 bytes (octal)',
      ],
      [
        rawEntry({ name: 'a'.repeat(90) }).subarray(0, 512),
        `a file called ${'a'.repeat(60)}, of 00000000000 bytes (octal)`,
      ],
    ] as const)
      assert.equal(describeHeader(block), words);
  });
});
