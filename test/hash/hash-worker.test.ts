import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { renameSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { HashPool } from '../../src/hash/index.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';

const files = new ScratchFiles();
const pool = new HashPool({ threads: 1 });
after(async () => {
  await pool.close();
  files.remove();
});

describe('the program of a hashing thread', () => {
  test('answers what the system refuses, and goes on', async () => {
    const directory = files.open(files.folder);
    const refusals = [
      [directory, 'EISDIR: illegal operation on a directory'],
      [1_000_000, 'EBADF: bad file descriptor'],
    ] as const;
    for (const [fd, problem] of refusals) {
      const error = { name: 'KnownError', code: 'FILE_UNREADABLE', facts: { problem } };
      await assert.rejects(pool.digest(fd, 'refused'), error);
    }
    const fd = files.holding(patternedBytes(5));
    assert.equal((await pool.digest(fd, 'fine')).size, 5);
  });

  test('reads what the descriptor holds, not what lies under the name by now', async () => {
    const path = files.write(patternedBytes(100));
    const fd = files.open(path);
    renameSync(files.write(patternedBytes(100, 2)), path);
    const expected = createHash('sha256').update(patternedBytes(100)).digest('hex');
    assert.equal((await pool.digest(fd, 'open')).digest, `sha256:${expected}`);
  });

  test('carries no npm package and nothing of src/oci: each thread holds its own copy in memory', async () => {
    const entry = fileURLToPath(new URL('../../src/hash/hash-worker.ts', import.meta.url));
    const { metafile } = await build({
      entryPoints: [entry],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      outdir: files.folder,
      write: false,
      metafile: true,
      logLevel: 'silent',
    });
    const sources = Object.keys(metafile.inputs);
    assert.ok(sources.some((path) => path.endsWith('src/hash/tasks.ts')));
    const strangers = sources.filter(
      (path) => !/(?:^|\/)src\/(?:hash|files|errors)\/[a-z-]+\.ts$/.test(path),
    );
    assert.deepEqual(strangers, []);
  });
});
