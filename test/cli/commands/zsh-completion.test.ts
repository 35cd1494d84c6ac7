import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { zshCompletion } from '../../../cli/commands/zsh-completion.ts';

const zsh = (...words: string[]) => spawnSync('zsh', ['-f', ...words], { encoding: 'utf8' });
const skip = zsh('-c', 'true').status === 0 ? false : 'needs zsh';

let folder: string;
let script: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'vm-'));
  script = join(folder, '_verify_models');
  writeFileSync(script, zshCompletion(['bash', 'zsh', 'fish']));
});

after(() => rmSync(folder, { recursive: true, force: true }));

describe('zsh completion', { skip }, () => {
  test('is a script that zsh can parse', () => {
    const { status, stderr } = zsh('-n', script);
    assert.deepEqual([status, stderr], [0, '']);
  });

  test('can be sourced after compinit, and completes nothing while it is', () => {
    const { stdout, stderr, status } = zsh(
      '-c',
      'autoload -Uz compinit; compinit -D -u; source "$1"; print -r -- $_comps[verify-models]',
      'zsh',
      script,
    );
    assert.deepEqual([status, stdout, stderr], [0, '_verify_models\n', '']);
  });

  test('can lie in a directory of $fpath', () => {
    const { stdout, stderr, status } = zsh(
      '-c',
      'fpath=($1 $fpath); autoload -Uz compinit; compinit -D -u; print -r -- $_comps[verify-models]',
      'zsh',
      folder,
    );
    assert.deepEqual([status, stdout, stderr], [0, '_verify_models\n', '']);
  });
});
