import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { copyFile } from '../../src/files/index.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';

describe('a copy of a file', () => {
  const files = new ScratchFiles();
  after(() => files.remove());
  const piece = 1024 * 1024;

  for (const size of [0, 1, piece - 1, piece, piece + 1, 3 * piece]) {
    test(`of ${size} bytes is what was copied, with the mode that was asked for`, () => {
      const bytes = patternedBytes(size);
      const target = join(files.folder, `copy-of-${size}`);
      const copied = copyFile(files.write(bytes), target, 0o751);
      assert.deepEqual(copied, { bytes: size, sha256: createHash('sha256').update(bytes).digest() });
      assert.ok(readFileSync(target).equals(bytes));
      assert.equal(statSync(target).mode & 0o777, 0o751);
    });
  }

  test('that cannot be made leaves what was there, and nothing beside it', () => {
    const folder = join(files.folder, 'kept');
    mkdirSync(folder);
    writeFileSync(join(folder, 'it'), 'old');
    assert.throws(() => copyFile(join(folder, 'nowhere'), join(folder, 'it'), 0o755), { code: 'ENOENT' });
    assert.throws(() => copyFile(folder, join(folder, 'it'), 0o755), { code: 'EISDIR' });
    assert.equal(readFileSync(join(folder, 'it'), 'utf8'), 'old');
    assert.deepEqual(readdirSync(folder), ['it']);
  });
});
