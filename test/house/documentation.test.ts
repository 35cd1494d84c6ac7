import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import {
  checkFlags,
  commandNames,
  commonFlags,
  execFlags,
  installFlags,
  networkFlags,
  watchFlags,
} from '../../cli/commands/index.ts';
import { mirrorCommands, mirrorFlags } from '../../cli/mirror/index.ts';
import {
  mirrorSettingKeys,
  modelMirror,
  settingKeys,
  variableOf,
  verifyModels,
} from '../../src/config/index.ts';
import { type ErrorRow, errorTable } from '../../src/errors/index.ts';
import { ruleIds, rules } from '../../src/findings/index.ts';
import { readSource, top } from './sources.ts';

/** The rows of the tables of a Markdown text, cells without their marks. */
function tableRows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split(' | ')
        .map((cell) => cell.trim().replaceAll('`', '').replaceAll('\\|', '|')),
    );
}

describe('the documentation says what the code does', () => {
  test('docs/errors.md is the table of errors, row by row, nothing more and nothing less', () => {
    const expected = Object.entries<ErrorRow>(errorTable).map(([code, { exit, http, message, hint }]) => [
      code,
      String(exit),
      String(http),
      message,
      hint ?? '',
    ]);
    assert.deepEqual(tableRows(readSource('docs/errors.md')), expected);
  });

  test('docs/rules.md is the table of rules, row by row, nothing more and nothing less', () => {
    const expected = ruleIds.map((id) => {
      const { severity, bit, failBit, means, matters, todo } = rules[id];
      return [id, severity, bit === 0 ? `0 (${failBit})` : String(bit), means, matters, todo];
    });
    assert.deepEqual(tableRows(readSource('docs/rules.md')), expected);
  });

  test('docs/configuration.md lists every setting with its variable, and no other', () => {
    const rows = tableRows(readSource('docs/configuration.md')).map(([key, flag, variable]) => [
      key,
      flag,
      variable,
    ]);
    const syntax = (key: string) =>
      [...commonFlags, ...checkFlags, ...execFlags, ...watchFlags, ...networkFlags, ...installFlags].find(
        (flag) => flag.key === key,
      )?.syntax ?? '';
    assert.deepEqual(
      rows,
      settingKeys.map((key) => [key, syntax(key), variableOf(verifyModels, key)]),
    );
  });

  test('docs/mirror.md lists every setting of the mirror with its variable, and no other', () => {
    const rows = tableRows(readSource('docs/mirror.md')).map(([key, flag, variable]) => [
      key,
      flag,
      variable,
    ]);
    const syntax = (key: string) => mirrorFlags.find((flag) => flag.key === key)?.syntax ?? '';
    assert.deepEqual(
      rows,
      mirrorSettingKeys.map((key) => [key, syntax(key), variableOf(modelMirror, key)]),
    );
  });

  test('docs/mirror.md names every command of the mirror', () => {
    const text = readSource('docs/mirror.md');
    for (const name of Object.keys(mirrorCommands)) assert.ok(text.includes(`model-mirror ${name}`), name);
  });

  describe('docs/threat-model.md', () => {
    const model = readSource('docs/threat-model.md');
    /** The rows of the tables that have a column for tests, below a heading: the step, and the tests that hold it. */
    const held = (heading: string) =>
      (model.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '')
        .split('\n')
        .filter((line) => line.startsWith('| ') && !/\| held by \|$/.test(line))
        .map((line) => line.slice(2, -2).split(' | '))
        .map((cells) => ({
          step: cells[0] ?? '',
          tests: [...(cells.at(-1) ?? '').matchAll(/`([a-z-]+(?:\/[a-z-]+)+)`/g)].map(
            ([, name]) => name ?? '',
          ),
        }));
    const rows = [...held('What each step proves'), ...held('How untrusted input is read')];

    test('names for each statement of what is proven the test that holds it', () => {
      assert.ok(rows.length >= 50, String(rows.length));
      for (const { step, tests } of rows) assert.notEqual(tests.length, 0, step);
    });

    test('names no test that is not there', () => {
      for (const { step, tests } of rows)
        for (const name of tests)
          assert.ok(existsSync(join(top, 'test', `${name}.test.ts`)), `${step}: ${name}`);
    });

    test('says of what is not covered what a reader must hear', () => {
      const gaps = model.split('\n## What is not covered\n')[1] ?? '';
      for (const said of [
        'one key approves every list that it signed',
        'a chunk table decides alone',
        'the first contact cannot detect an old list',
        '`log verify` of an unkeyed chain',
        'behind a proxy everybody is loopback',
        'after the start whoever may write the store may alter it',
        "keys beside Ollama's in a rewritten manifest",
        'the clock',
        'root, the kernel, the hardware',
        'bugs of the runtime that reads a model',
        'what a model does',
        'side channels',
      ])
        assert.ok(gaps.includes(`\n| ${said} |`), said);
    });
  });

  test('SECURITY.md goes with the package, and every link of a document leads to a file', () => {
    const { files } = JSON.parse(readSource('package.json')) as { files: readonly string[] };
    assert.ok(files.includes('SECURITY.md'));
    const documents = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'];
    const below = ['docs', 'manifests'].flatMap((folder) =>
      readdirSync(join(top, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.md'))
        .map((name) => join(folder, name)),
    );
    for (const path of [...documents, ...below])
      for (const [, link = ''] of readSource(path).matchAll(/\]\(([^)#:]+)\)/g))
        assert.ok(existsSync(join(top, dirname(path), link)), `${path}: ${link}`);
    for (const link of ['docs/threat-model.md', 'SECURITY.md'])
      assert.ok(readSource('README.md').includes(`](${link})`), link);
  });

  test('the README names every command and the two commands of a newcomer', () => {
    const readme = readSource('README.md');
    for (const name of commandNames)
      assert.ok(readme.includes(`verify-models ${name}`) || name === 'check', name);
    assert.ok(readme.includes('npm ci && npm run demo'));
    assert.ok(readme.includes('npm ci && npm test'));
  });
});
