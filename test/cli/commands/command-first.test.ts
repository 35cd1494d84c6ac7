import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandFirst } from '../../../cli/commands/command-first.ts';

const moved = (line: string): string => commandFirst(line === '' ? [] : line.split(' ')).join(' ');

test('a command moves in front of the flags that were typed before it, and their values stay with them', () => {
  assert.equal(moved('--quick check'), 'check --quick');
  assert.equal(moved('--store list explain x'), 'explain --store list x');
  assert.equal(moved('--store=list --jobs 2 list --json'), 'list --store=list --jobs 2 --json');
  assert.equal(moved('--json help check'), 'help --json check');
});

test('everything else stays as it was typed', () => {
  for (const line of [
    '',
    '--help',
    'list --json',
    'check check',
    'llama3.2 list',
    '--quick llama3.2 list',
    '--quick -- list',
    '--store',
    '--store list',
    '--unknown-flag=list x',
  ]) {
    assert.equal(moved(line), line);
  }
});
