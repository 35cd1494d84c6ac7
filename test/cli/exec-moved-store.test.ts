import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
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
