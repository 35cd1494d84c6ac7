import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fishCompletion } from '../../../cli/commands/fish-completion.ts';
import { checkFlags, commandNames, commonFlags } from '../../../cli/commands/index.ts';
import { formats } from '../../../src/config/index.ts';
import { ruleIds } from '../../../src/findings/index.ts';

const skip = spawnSync('fish', ['-c', 'true']).status === 0 ? false : 'needs fish';

let folder: string;
let script: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'vm-'));
  script = join(folder, 'completion.fish');
  writeFileSync(script, fishCompletion(['bash', 'zsh', 'fish']));
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** What fish would offer at the end of a line, sorted; the store's two models come from a function in the program's place. */
function offered(line: string): string[] {
  const { stdout, stderr, status } = spawnSync(
    'fish',
    [
      '--no-config',
      '-c',
      'function verify-models; printf "%s\\n" llama3.2:1b sample:latest; end; source $argv[1]; complete -C $argv[2]',
      script,
      line,
    ],
    { encoding: 'utf8', env: { PATH: process.env.PATH, HOME: folder } },
  );
  assert.deepEqual([status, stderr], [0, ''], line);
  return stdout
    .split('\n')
    .filter((word) => word !== '')
    .map((word) => word.split('\t', 1)[0] ?? '');
}

const flagsOf = (flags: typeof commonFlags) =>
  [...flags.map(({ syntax }) => syntax.split(' ')[0]), '--help', '--version'].sort();

describe('fish completion', { skip }, () => {
  test('is a script that fish can parse', () => {
    const { status, stderr } = spawnSync('fish', ['-n', script], { encoding: 'utf8' });
    assert.deepEqual([status, stderr], [0, '']);
  });

  test('offers commands, models, rules, shells and formats where they belong', () => {
    const first = [...commandNames, 'llama3.2:1b', 'sample:latest'].sort();
    assert.deepEqual(offered('verify-models ').sort(), first);
    assert.deepEqual(offered('verify-models check lla'), ['llama3.2:1b']);
    assert.deepEqual(offered('verify-models list '), []);
    assert.deepEqual(offered('verify-models explain ').sort(), [...ruleIds].sort());
    assert.deepEqual(offered('verify-models completion ').sort(), ['bash', 'fish', 'zsh']);
    assert.deepEqual(offered('verify-models --format ').sort(), [...formats].sort());
    assert.deepEqual(offered('verify-models --fail-on blob-orphan,model-r'), ['blob-orphan,model-remote']);
  });

  test('offers every flag of check, and to the other commands the common ones', () => {
    assert.deepEqual(offered('verify-models --').sort(), flagsOf([...commonFlags, ...checkFlags]));
    assert.deepEqual(offered('verify-models list --').sort(), flagsOf(commonFlags));
  });
});
