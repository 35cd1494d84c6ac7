import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ruleIds, rules } from '../../../src/findings/index.ts';
import { runMain } from '../../fixtures/run-main.ts';

describe('explain', () => {
  for (const id of ruleIds) {
    test(`${id} says what it means, why it matters, what to do, and what it adds to the exit status`, async () => {
      const { status, stdout, stderr } = await runMain(['explain', id]);
      const { severity, bit, failBit, means, matters, todo } = rules[id];
      const adds =
        bit === 0
          ? `adds nothing to the exit status (with --fail-on ${id}: ${failBit})`
          : `adds ${bit} to the exit status`;
      assert.deepEqual([status, stderr], [0, '']);
      assert.deepEqual(stdout.split('\n'), [
        `${id}: ${severity}, ${adds}`,
        '',
        `What it means   ${means}`,
        `Why it matters  ${matters}`,
        `What to do      ${todo}`,
        '',
        'next: verify-models',
        '',
      ]);
    });
  }

  test('without a rule lists all of them, one a line, and says how to go on', async () => {
    const { status, stdout } = await runMain(['explain']);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(status, 0);
    assert.equal(lines.pop(), 'next: verify-models explain RULE');
    assert.deepEqual(
      lines.map((line) => line.split(' ', 1)[0]),
      ruleIds,
    );
  });

  test('of an unknown rule is answered with the nearest one: 64', async () => {
    for (const [typed, near] of [
      ['blob-altred', 'blob-altered'],
      ['BLOB-ALTERED', 'blob-altered'],
      ['model-remot', 'model-remote'],
    ] as const) {
      const { status, stdout, stderr } = await runMain(['explain', typed]);
      assert.deepEqual([status, stdout], [64, '']);
      assert.equal(
        stderr,
        `verify-models: no rule is called ${typed} (RULE_UNKNOWN)\nnext: did you mean: verify-models explain ${near}\n`,
      );
    }
  });

  test('of something far from every rule points to the whole list', async () => {
    for (const typed of ['', '__proto__', 'constructor', 'q'.repeat(100_000), '\u001b[31m']) {
      const { status, stderr } = await runMain(['explain', typed]);
      assert.equal(status, 64);
      assert.match(stderr, /\(RULE_UNKNOWN\)\nnext: verify-models explain\n$/);
      assert.ok(!stderr.includes('\u001b'));
      assert.ok(stderr.length < 300);
    }
  });
});
