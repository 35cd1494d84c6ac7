import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { productSources, top } from './sources.ts';

/** Programs start something when they are loaded; their tests run them as programs. */
const programs = new Set([
  'cli/verify-models.ts',
  'cli/model-mirror.ts',
  'src/hash/hash-worker.ts',
  'src/hash/running-digest-worker.ts',
]);

// Files that no test loads do not count for the coverage: this one loads them all.
for (const path of productSources().filter((source) => !programs.has(source))) {
  test(`${path} can be loaded by itself`, async () => {
    const loaded: unknown = await import(pathToFileURL(join(top, path)).href);
    assert.equal(typeof loaded, 'object');
  });
}
