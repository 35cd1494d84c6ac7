import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MappedWriter, noMapping, onDisk } from '../fixtures/mapped-writer.ts';
import type { SampleModel } from '../fixtures/sample-store.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';
import { execWhile } from './exec-while.ts';

suite('exec on a store that is moved after it was checked', () => {
  let site: SealedSite;
  let model: SampleModel;
  beforeEach(() => {
    site = new SealedSite();
    model = site.scratch.addModel();
  });
  afterEach(() => site.remove());

  const copyTo = (name: string): string => {
    const path = site.beside(name);
    cpSync(site.store, path, { recursive: true, preserveTimestamps: true });
    return path;
  };

  test('starts when nothing was moved', async () => {
    let called = 0;
    const run = await execWhile(site.where, () => {
      called += 1;
    });
    assert.deepEqual([run.status, called, run.io.replaced?.words], [0, 1, ['sh']], run.stderr);
  });

  for (const [what, move, why] of [
    [
      'a blob that was hashed already is replaced by the same bytes',
      () => {
        const file = model.blob('model');
        writeFileSync(`${file}.new`, readFileSync(file));
        renameSync(`${file}.new`, file);
      },
      /blobs\/sha256-[0-9a-f]{64}: its ino moved/,
    ],
    [
      'the directory is renamed, and a copy lies in its place',
      () => {
        const copy = copyTo('copy');
        renameSync(site.store, site.beside('moved'));
        renameSync(copy, site.store);
      },
      /a directory or a manifest of it was replaced/,
    ],
  ] as const) {
    test(`starts nothing when ${what}`, async () => {
      const log = site.beside('log');
      const run = await execWhile([...site.where, '--termination-log', log], move);
      assert.deepEqual([run.status, run.io.replaced], [4, undefined], run.stderr);
      assert.match(run.stderr, /nothing was started: .*\(STORE_MOVED\)/);
      assert.match(run.stderr, why);
      assert.doesNotMatch(run.stderr, /starting sh/);
      assert.match(readFileSync(log, 'utf8'), /^verify-models: exit status 4 = .*: STORE_MOVED: .*\n$/);
    });
  }

  test('starts nothing when a manifest is written through a mapping whose page was dirty before', {
    skip: noMapping(),
  }, async (t) => {
    const mapped = new SealedSite(onDisk());
    mapped.scratch.addModel();
    const file = join(mapped.store, 'manifests/registry.ollama.ai/library/sample/latest');
    const ctime = () => statSync(file, { bigint: true }).ctimeNs;
    const writer = await MappedWriter.start(file);
    try {
      await writer.flip(0);
      const before = ctime();
      await writer.flip(0);
      if (ctime() !== before) return t.skip('needs a file system that moves no time at such a write');
      const run = await execWhile(mapped.where, () => {
        const first = readFileSync(file)[0];
        void writer.flip(0);
        // A mapping is what every reader sees at once.
        while (readFileSync(file)[0] === first);
      });
      assert.deepEqual([run.status, run.io.replaced], [4, undefined], run.stderr);
      assert.match(run.stderr, /a directory or a manifest of it was replaced\) \(STORE_MOVED\)/);
    } finally {
      await writer.end();
      mapped.remove();
    }
  });

  const root = process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0;
  test('starts nothing when another volume is mounted over it', {
    skip: !root && 'needs root and unshare',
  }, () => {
    const program = fileURLToPath(new URL('./mount-while-checked.ts', import.meta.url));
    const words = [process.execPath, program, site.store, site.state, copyTo('copy')];
    const apart = ['--mount', '--propagation', 'private', ...words];
    const { stdout, stderr } = spawnSync('unshare', apart, { encoding: 'utf8' });
    assert.notEqual(stdout, '', stderr);
    const told = JSON.parse(stdout) as { status: number; stderr: string; started: boolean };
    assert.deepEqual([told.status, told.started], [4, false], told.stderr);
    assert.match(told.stderr, /STORE_MOVED/);
  });
});
