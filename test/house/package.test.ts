import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { tool } from '../../cli/commands/index.ts';
import { heavyPackages } from './layers.ts';
import { readSource, top } from './sources.ts';

interface Package {
  readonly version: string;
  readonly bin: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly engines: { readonly node: string };
  readonly allowScripts: Record<string, boolean>;
}

const manifest = JSON.parse(readSource('package.json')) as Package;
const lock = readSource('package-lock.json');

describe('the package', () => {
  test('every dependency is pinned to one version', () => {
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      assert.match(version, /^\d+\.\d+\.\d+(?:-[\w.]+)?$/, name);
    }
  });

  test('the lock file names no registry', () => {
    assert.doesNotMatch(lock, /"resolved": *"http/);
    assert.match(readSource('.npmrc'), /^omit-lockfile-registry-resolved=true$/m);
  });

  test('an addon that brings its binary is not built: npm 10 needs to be told in the lock file', () => {
    const packages = (
      JSON.parse(lock) as { packages: Record<string, { gypfile?: boolean; hasInstallScript?: boolean }> }
    ).packages;
    const addon = packages['node_modules/better-sqlite3'];
    if (addon !== undefined) assert.equal(addon.gypfile, false);
    for (const [path, entry] of Object.entries(packages)) {
      if (entry.hasInstallScript !== true || path === '') continue;
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      assert.ok(name in manifest.allowScripts, `${name} has an install script that nobody decided on`);
    }
  });

  test('the tool says the version of the package, and asks for the Node of its engines', () => {
    assert.equal(tool.version, manifest.version);
    assert.ok(readSource('cli/main.ts').includes(`'${manifest.engines.node}'`));
  });

  test('bin points to the bundle that prepare builds', () => {
    assert.deepEqual(manifest.bin, { 'verify-models': './dist/verify-models.cjs' });
    assert.ok(existsSync(join(top, 'dist', 'verify-models.cjs')), 'npm run build was run before the tests');
    assert.ok(existsSync(join(top, 'dist', 'hash-worker.cjs')));
  });

  test('the bundle of verify-models holds nothing of a network client, a database or a server', () => {
    const bundle = readSource('dist/verify-models.cjs');
    for (const name of heavyPackages) {
      assert.ok(!bundle.includes(`require("${name}`), name);
      assert.ok(!bundle.includes(`node_modules/${name}/`), name);
    }
  });
});
