import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { type AnyTree, anyTree, plant } from '../fixtures/any-tree.ts';
import { checkStore } from '../fixtures/check-store.ts';
import { makeFifo, noFifo } from '../fixtures/odd-files.ts';
import { openDescriptors } from '../fixtures/process-counts.ts';
import { inMemory, ScratchStore } from '../fixtures/scratch-store.ts';
import { treeState } from '../fixtures/tree-state.ts';

let store: ScratchStore;
let sources: { readonly twin: string; readonly fifo: string | undefined };
before(() => {
  store = new ScratchStore(inMemory());
  mkdirSync(store.beside('beside'));
  const fifo = noFifo() === false ? store.beside('fifo') : undefined;
  if (fifo !== undefined) makeFifo(fifo);
  sources = { twin: store.beside('twin'), fifo };
  writeFileSync(sources.twin, 'twin');
});
after(() => store.remove());

/** Paths of regular files right in `blobs/` whose name is that of a blob and whose bytes are others. */
function badBlobs(): string[] {
  const folder = store.at('blobs');
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder).filter((name) => {
    const file = store.at('blobs', name);
    if (!/^sha256[-:][0-9a-f]{64}$/.test(name) || !lstatSync(file).isFile()) return false;
    return createHash('sha256').update(readFileSync(file)).digest('hex') !== name.slice(7);
  });
}

describe('no tree', () => {
  test('as a store makes a check throw, hang or write, and no bad blob in it is overlooked', {
    timeout: 120_000,
  }, async () => {
    const checkTree = async (tree: AnyTree, jobs: number): Promise<void> => {
      rmSync(store.path, { recursive: true, force: true });
      mkdirSync(store.path);
      plant(store.path, tree, sources);
      const [state, descriptors] = [treeState(store.folder), openDescriptors()];
      const report = await checkStore(store.path, { jobs, followLinksInto: [store.beside('beside')] });
      assert.deepEqual(treeState(store.folder), state);
      assert.equal(openDescriptors(), descriptors);
      const bits = report.findings.reduce((sum, { bit }) => sum | bit, 0);
      assert.deepEqual([report.exitCode, report.exitCode & ~13], [bits, 0]);
      const paths = new Set(
        report.findings.flatMap(({ bit, path }) => (bit === 1 && path !== undefined ? [path] : [])),
      );
      for (const name of badBlobs()) assert.ok(paths.has(`blobs/${name}`), name);
      assert.equal(report.models.every(({ status }) => status === 'ok') || report.exitCode !== 0, true);
    };
    await fc.assert(fc.asyncProperty(anyTree, fc.integer({ min: 1, max: 2 }), checkTree), { numRuns: 100 });
  });
});
