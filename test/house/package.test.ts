import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { tool } from '../../cli/commands/index.ts';
import { moduleRecorder } from '../fixtures/loaded-modules.ts';
import { runProgramFile } from '../fixtures/run-program.ts';
import { addSampleModel } from '../fixtures/sample-store.ts';
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
    const { node, ...others } = manifest.devDependencies;
    // A directory of this repository, which names a package for each machine (test/house/locked.test.ts).
    assert.equal(node, 'file:manifests/node');
    for (const [name, version] of Object.entries({ ...manifest.dependencies, ...others })) {
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
    assert.deepEqual(manifest.bin, {
      'verify-models': './dist/verify-models.cjs',
      'model-mirror': './dist/model-mirror.cjs',
    });
    for (const name of ['verify-models', 'model-mirror', 'hash-worker', 'running-digest-worker'])
      assert.ok(
        existsSync(join(top, 'dist', `${name}.cjs`)),
        `npm run build was run before the tests: ${name}`,
      );
  });

  test('the bundle of verify-models holds nothing of a network client, a database or a server', () => {
    const bundle = readSource('dist/verify-models.cjs');
    // What watch and install need is asked for when they start; that a check loads none of it is shown below.
    const whenNeeded = ['pino', 'prom-client', 'tar-stream'];
    for (const name of heavyPackages) {
      if (!whenNeeded.includes(name)) assert.ok(!bundle.includes(`require("${name}`), name);
      assert.ok(!bundle.includes(`node_modules/${name}/`), name);
    }
  });

  describe('a check', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vm-'));
    const store = join(folder, 'store');
    const dist = pathToFileURL(join(top, 'dist')).href;
    after(() => rmSync(folder, { recursive: true, force: true }));

    /** Modules that neither the bundle nor Node.js is. */
    async function foreignModules(words: readonly string[], command = 'check'): Promise<string[]> {
      const { loaded, nodeArguments, environment } = moduleRecorder(folder);
      const run = await runProgramFile([command, '--store', store, ...words], { nodeArguments, environment });
      assert.equal(run.status, command === 'check' ? 0 : 4, run.stderr);
      assert.ok(loaded().includes('node:crypto'));
      return loaded().filter((url) => !url.startsWith('node:') && !url.startsWith(`${dist}/`));
    }

    test('loads nothing but itself and what Node.js brings', async () => {
      addSampleModel(store);
      assert.deepEqual(await foreignModules([]), []);
    });

    test('loads no more when it holds the store against a signed list', async () => {
      const [key, list] = [join(folder, 'key'), join(folder, 'allow-list.json')];
      for (const words of [
        ['keygen', key],
        ['allow', '--all', '--store', store, '--allow-list', list],
        ['sign', list, '--key', `${key}.key`, '--store', store],
      ]) {
        const { status, stderr } = await runProgramFile(words, {
          environment: { VERIFY_MODELS_PASSPHRASE: 'open sesame' },
        });
        assert.equal(status, 0, stderr);
      }
      const trusting = ['--allow-list', list, '--key', `${key}.pub`, '--state', join(folder, 'state')];
      assert.deepEqual(await foreignModules(trusting), []);
    });

    test('leaves it to install to load what reads archives', async () => {
      const noArchive = join(folder, 'none.tar');
      const loaded = await foreignModules([noArchive, '--policy', 'observe', '--dry-run'], 'install');
      assert.ok(loaded.some((url) => url.includes('/node_modules/tar-stream/')));
    });

    test('would be seen to load a heavy package, if it did', () => {
      const { loaded, nodeArguments, environment } = moduleRecorder(folder);
      const words = [...nodeArguments, '--eval', "import('@sigstore/sign')"];
      execFileSync(process.execPath, words, { cwd: top, env: { ...process.env, ...environment } });
      const file = realpathSync(join(top, 'node_modules', '@sigstore', 'sign', 'dist', 'index.js'));
      assert.ok(loaded().includes(pathToFileURL(file).href));
    });
  });
});
