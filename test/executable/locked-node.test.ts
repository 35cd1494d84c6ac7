import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import {
  installedNode,
  nodeDigests,
  nodeVersion,
  readLockedNode,
} from '../../manifests/executable/locked-node.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';
import { noExecutable } from '../fixtures/single-executable.ts';
import { readSource, top } from '../house/sources.ts';

const target = `${process.platform}-${process.arch}`;

/** A greeting of Node.js' own console, which no build reads; and the same with one bit flipped. */
const [greeting, flipped] = ['Welcome to Node.js', 'Welcome to Node.jr'];

/** This Node.js with one bit flipped, in a text that does not matter: it runs. */
function flippedCopy(path: string): string {
  const bytes = readFileSync(process.execPath);
  bytes.write(flipped, bytes.indexOf(greeting));
  writeFileSync(path, bytes, { mode: 0o755 });
  return path;
}

suite('the Node.js of the single executable', { skip: noExecutable }, () => {
  const files = new ScratchFiles();
  after(() => files.remove());
  const build = (by: string, ...words: readonly string[]) =>
    spawnSync(by, [join(top, 'manifests', 'executable', 'build.ts'), ...words], { encoding: 'utf8' });

  test('is the one that npm ci brought, and its bytes are those that are pinned', () => {
    const path = installedNode(target);
    assert.equal(path, join(top, 'node_modules', `node-${target}`, 'bin', 'node'));
    const bytes = readLockedNode(path, target);
    assert.ok(typeof bytes !== 'string', String(bytes));
    assert.ok(bytes.equals(readFileSync(path)));
    const { optionalDependencies } = JSON.parse(readSource('manifests/node/package.json')) as {
      optionalDependencies: Record<string, string>;
    };
    for (const pinned of Object.keys(nodeDigests))
      assert.equal(optionalDependencies[`node-${pinned}`], nodeVersion);
  });

  test('is refused when one bit of it is another one, and nothing is written', () => {
    const copy = flippedCopy(join(files.folder, 'flipped'));
    const folder = join(files.folder, 'out-of-flipped');
    const { status, stdout, stderr } = build(process.execPath, folder, '--node', copy);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(
      stderr,
      /^not built: .*\/flipped is not the Node\.js [\d.]+ that is pinned for \S+: its bytes are sha256:[0-9a-f]{64}, expected are sha256:[0-9a-f]{64}; nothing was written; type npm ci to get it anew\n$/,
    );
    assert.equal(existsSync(folder), false);
  });

  test('is not the Node.js that happens to run the build', () => {
    const copy = flippedCopy(join(files.folder, 'runs-the-build'));
    const folder = join(files.folder, 'out');
    const { status, stderr } = build(copy, folder);
    assert.equal(status, 0, stderr);
    const made = readFileSync(join(folder, 'verify-models'));
    assert.deepEqual([made.includes(greeting), made.includes(flipped)], [true, false]);
  });

  test('is refused for a machine that none is pinned for, and where npm brought none', () => {
    assert.match(
      String(readLockedNode(process.execPath, 'linux-riscv64')),
      /^no Node\.js is pinned for linux-riscv64/,
    );
    assert.match(String(readLockedNode(undefined, 'linux-x64')), /^npm brought no Node\.js for linux-x64/);
    assert.equal(installedNode('linux-riscv64'), undefined);
  });
});
