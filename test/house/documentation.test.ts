import assert from 'node:assert/strict';
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
import { readSource } from './sources.ts';

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

  test('the README names every command and the two commands of a newcomer', () => {
    const readme = readSource('README.md');
    for (const name of commandNames)
      assert.ok(readme.includes(`verify-models ${name}`) || name === 'check', name);
    assert.ok(readme.includes('npm ci && npm run demo'));
    assert.ok(readme.includes('npm ci && npm test'));
  });
});
