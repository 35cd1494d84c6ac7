import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bashCompletion } from '../../../cli/commands/bash-completion.ts';
import { checkFlags, commandNames, commonFlags } from '../../../cli/commands/index.ts';
import { formats, progressKinds } from '../../../src/config/index.ts';
import { ruleIds } from '../../../src/findings/index.ts';
import { bareEnvironment } from '../../fixtures/run-main.ts';
import { program } from '../../fixtures/run-program.ts';
import { addSampleModel } from '../../fixtures/sample-store.ts';

const skip = spawnSync('bash', ['-c', 'true']).status === 0 ? false : 'needs bash';

let folder: string;
let script: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'vm-'));
  script = join(folder, 'completion.bash');
  writeFileSync(script, bashCompletion(['bash', 'zsh', 'fish']));
  const store = join(folder, 'models');
  addSampleModel(store);
  addSampleModel(store, 'registry.ollama.ai/library/llama3.2:1b');
  addSampleModel(store, 'registry.ollama.ai/library/llama3.2:3b');
  addSampleModel(join(folder, 'other'), 'hf.co/a/b:Q4');
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'verify-models'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  chmodSync(join(bin, 'verify-models'), 0o755);
  mkdirSync(join(folder, 'files'));
  for (const name of ['one file', 'only']) writeFileSync(join(folder, 'files', name), '');
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** What bash would offer at the end of a line; it splits words at blanks, `:` and `=`, as readline does. */
function offered(line: string, breaks = ' \t\n:='): string[] {
  const driver = `
    source "$1"; COMP_WORDBREAKS=$2; COMP_LINE=$3; COMP_POINT=\${#3}; COMP_WORDS=($3)
    COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); replaced=\${COMP_LINE##*[$2]}
    _verify_models verify-models "$replaced" "\${COMP_WORDS[COMP_CWORD]}"
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync('bash', ['-c', driver, 'bash', script, breaks, line], {
    encoding: 'utf8',
    cwd: join(folder, 'files'),
    env: {
      ...bareEnvironment,
      PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
      OLLAMA_MODELS: join(folder, 'models'),
    },
  });
  assert.deepEqual([status, stderr], [0, ''], line);
  return stdout.split('\n').filter((word) => word !== '');
}

const models = ['llama3.2:1b', 'llama3.2:3b', 'sample:latest'];
const flagsOf = (flags: typeof commonFlags) => [
  ...flags.map(({ syntax }) => syntax.split(' ')[0]),
  '--help',
  '--version',
];

describe('bash completion', { skip }, () => {
  test('is a script that bash can parse', () => {
    const { status, stderr } = spawnSync('bash', ['-n', script], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
  });

  test('offers the commands and the models of the store first', () => {
    assert.deepEqual(offered('verify-models '), [...commandNames, ...models]);
    const some = commandNames.filter((name) => name.startsWith('c'));
    assert.deepEqual(offered('verify-models --quick --jobs 2 c'), some);
  });

  test('offers models after check and after models, those of --store when it was typed', () => {
    assert.deepEqual(offered('verify-models check '), models);
    assert.deepEqual(offered('verify-models sample:latest s'), ['sample:latest']);
    assert.deepEqual(offered(`verify-models --store ${join(folder, 'other')} check `), ['hf.co/a/b:Q4']);
    assert.deepEqual(offered(`verify-models --store ${join(folder, 'nowhere')} check `), []);
  });

  test('goes on behind the colon of a name, which ends a word for bash', () => {
    assert.deepEqual(offered('verify-models llama3.2:'), ['1b', '3b']);
    assert.deepEqual(offered('verify-models llama3.2:1'), ['1b']);
    assert.deepEqual(offered('verify-models llama3.2:1', ' \t\n'), ['llama3.2:1b']);
  });

  test('offers every flag of check, and to the other commands the common ones', () => {
    assert.deepEqual(offered('verify-models --'), flagsOf([...commonFlags, ...checkFlags]));
    assert.deepEqual(offered('verify-models check sample --'), flagsOf([...commonFlags, ...checkFlags]));
    for (const command of ['list', 'explain', 'completion']) {
      assert.deepEqual(offered(`verify-models ${command} --`), flagsOf(commonFlags));
    }
  });

  test('offers formats, kinds of progress and rules where they belong', () => {
    assert.deepEqual(offered('verify-models --format '), formats);
    assert.deepEqual(offered('verify-models --format=js'), ['json', 'jsonl']);
    assert.deepEqual(offered('verify-models --format=js', ' \t\n'), ['--format=json', '--format=jsonl']);
    assert.deepEqual(offered('verify-models --progress '), progressKinds);
    assert.deepEqual(offered('verify-models --fail-on blob-orphan,model-r'), ['blob-orphan,model-remote']);
    assert.deepEqual(offered('verify-models explain '), ruleIds);
    assert.deepEqual(offered('verify-models completion '), ['bash', 'zsh', 'fish']);
  });

  test('offers a format and then a file to --report, and files where a path belongs', () => {
    assert.deepEqual(offered('verify-models --report js'), ['json=', 'jsonl=']);
    assert.deepEqual(offered('verify-models --report json=o').sort(), ['one file', 'only']);
    assert.deepEqual(offered('verify-models --config on').sort(), ['one file', 'only']);
  });

  test('offers nothing for a number, and nothing more to list', () => {
    assert.deepEqual(offered('verify-models --jobs '), []);
    assert.deepEqual(offered('verify-models list '), []);
  });
});
