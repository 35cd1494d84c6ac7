import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allBits } from '../../src/findings/exit-status.ts';
import { exitBits, exitStatusHelp, explainExitStatus } from '../../src/findings/index.ts';

describe('an exit status in words', () => {
  for (const [status, words] of [
    [0, '0 = all is well'],
    [1, '1 = 1 altered'],
    [2, '2 = 2 not trusted'],
    [4, '4 = 4 could not be checked'],
    [8, '8 = 8 missing'],
    [5, '5 = 1 altered + 4 could not be checked'],
    [13, '13 = 1 altered + 4 could not be checked + 8 missing'],
    [15, '15 = 1 altered + 2 not trusted + 4 could not be checked + 8 missing'],
    [130, '130 = ended by signal 2'],
    [143, '143 = ended by signal 15'],
    [64, '64'],
    [70, '70'],
    [128, '128'],
  ] as const) {
    test(`${status} is "${words}"`, () => assert.equal(explainExitStatus(status), words));
  }

  test('names each bit of a sum, and no other', () => {
    for (let status = 1; status <= 15; status += 1) {
      const summands = [...explainExitStatus(status).matchAll(/(\d+) [a-z]/g)].map(([, bit]) => Number(bit));
      assert.equal(
        summands.reduce((sum, bit) => sum + bit, 0),
        status,
      );
      assert.equal(new Set(summands).size, summands.length);
    }
  });

  test('the help explains every bit and every value of its own', () => {
    for (const bit of [0, ...Object.values(exitBits)])
      assert.match(exitStatusHelp, new RegExp(`^  ${bit}  \\S`, 'm'));
    for (const value of [64, 70, 130, 143]) assert.match(exitStatusHelp, new RegExp(`\\b${value}\\b`));
  });
});

test('the bits of a check are four', () => {
  assert.deepEqual(exitBits, { altered: 1, untrusted: 2, unchecked: 4, missing: 8 });
  assert.equal(allBits(64 + 5), 5);
  assert.equal(allBits(0), 0);
});
