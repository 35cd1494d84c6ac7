import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { unprintable } from '../../../src/findings/index.ts';
import { runMain } from '../../fixtures/run-main.ts';
import { addSampleModel, writeManifest } from '../../fixtures/sample-store.ts';

let folder: string;
let store: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'vm-'));
  store = join(folder, 'models');
  addSampleModel(store);
  addSampleModel(store, 'hf.co/some/Model-GGUF:Q4_K_M');
  writeManifest(store, 'registry.ollama.ai/library/evil\u001b[31m:latest', '{}');
  writeManifest(store, 'registry.ollama.ai/library/$(reboot):latest', '{}');
});

after(() => rmSync(folder, { recursive: true, force: true }));

const flagsIn = (help: string) => [...new Set(help.match(/--[a-z][a-z-]+/g))];

describe('completion', () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    test(`${shell} prints a script that knows every flag of --help, and nothing on stderr`, async () => {
      const { stdout: help } = await runMain(['--help']);
      const { status, stdout, stderr } = await runMain(['completion', shell]);
      assert.deepEqual([status, stderr], [0, '']);
      const flags = flagsIn(help);
      assert.ok(flags.length > 15);
      for (const flag of flags) {
        const spelled = shell === 'fish' ? `-l ${flag.slice(2)} ` : flag;
        assert.ok(stdout.includes(spelled), flag);
      }
      assert.ok(stdout.startsWith('#') && stdout.endsWith('\n'));
      assert.doesNotMatch(stdout.replaceAll('\n', ''), unprintable);
    });

    test(`${shell} on a terminal says how to use it`, async () => {
      const { stderr } = await runMain(['completion', shell], { stdout: { terminal: true } });
      assert.match(stderr, new RegExp(`^next: .*verify-models completion ${shell}\\b.*\\n$`));
    });
  }

  test('of another shell is refused: 64', async () => {
    for (const shell of ['tcsh', '__proto__', '\u001b[31m', 'x'.repeat(100_000)]) {
      const { status, stdout, stderr } = await runMain(['completion', shell]);
      assert.deepEqual([status, stdout], [64, '']);
      assert.match(stderr, /^verify-models: completion knows bash, zsh, fish, not .* \(USAGE\)\nnext: /);
      assert.ok(!stderr.includes('\u001b') && !stderr.includes('x'.repeat(41)));
    }
  });
});

describe('completion models, which the scripts ask', () => {
  test('prints the short names, one a line, and only those that Ollama accepts', async () => {
    const { status, stdout, stderr } = await runMain(['completion', 'models', '--store', store]);
    assert.deepEqual([status, stdout, stderr], [0, 'hf.co/some/Model-GGUF:Q4_K_M\nsample:latest\n', '']);
  });

  test('is silent where there is no store, or where the settings are wrong', async () => {
    for (const [words, environment] of [
      [['--store', join(folder, 'nowhere')], {}],
      [[], { VERIFY_MODELS_JOBS: 'many' }],
      [['--config', join(folder, 'nowhere.yaml')], {}],
    ] as const) {
      const { status, stdout, stderr } = await runMain(['completion', 'models', ...words], { environment });
      assert.deepEqual([status, stdout, stderr], [0, '', '']);
    }
  });

  test('says nothing of other stores, and is not in --help', async () => {
    const home = join(folder, 'home');
    addSampleModel(join(home, '.ollama', 'models'));
    const environment = { HOME: home, OLLAMA_MODELS: store };
    const { stderr } = await runMain(['completion', 'models'], { environment });
    assert.equal(stderr, '');
    assert.doesNotMatch((await runMain(['completion', '--help'])).stdout, /models$/m);
  });
});
