import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Catalog } from '../../src/catalog/index.ts';
import { inMemory } from '../fixtures/scratch-store.ts';
import { top } from '../house/sources.ts';

const each = 100;

test('several processes write at once, and each record follows the one before', async (t) => {
  const folder = mkdtempSync(join(inMemory(), 'vm-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'catalog.sqlite');
  const program = join(top, 'test', 'fixtures', 'note-often.ts');
  const writers = [1, 2, 3].map(() =>
    spawn(process.execPath, [program, path, `${each}`], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  // They write only when all of them can.
  await Promise.all(writers.map(({ stdout }) => once(stdout, 'data')));
  const ended = writers.map((writer) => once(writer, 'exit'));
  for (const { stdin } of writers) stdin.write('now\n');
  for (const [status] of await Promise.all(ended)) assert.equal(status, 0);
  const catalog = await Catalog.open(path, () => new Date());
  const audit = await catalog.audit(0, 10_000);
  await catalog.close();
  assert.deepEqual(
    audit.map(({ seq }) => seq),
    Array.from({ length: 3 * each }, (_, at) => at + 1),
  );
  for (const [at, { previous }] of audit.entries()) if (at > 0) assert.equal(previous, audit[at - 1]?.hash);
});
