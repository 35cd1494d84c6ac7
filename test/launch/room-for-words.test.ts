import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { refuseTooLong } from '../../src/launch/index.ts';

/** As /proc/self/limits says it. */
const stackOf = (soft: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units     \nMax stack size             ${soft.padEnd(20)} unlimited            bytes     \nMax core file size        0                    unlimited            bytes     \n`;

const word = 'x'.repeat(100_000);
const given = (words: number, limits?: string) =>
  refuseTooLong('a', { path: '/bin/a', words: Array(words).fill(word), environment: {} }, limits);

suite('the words of a command', () => {
  const long = 'x'.repeat(130 * 1024);
  const path = '/bin/a';

  test('that execve would refuse one by one are refused, and so are such variables', () => {
    assert.throws(
      () => refuseTooLong('a', { path, words: ['a', long], environment: {} }, undefined),
      /too long/,
    );
    assert.throws(
      () => refuseTooLong('a', { path, words: ['a'], environment: { LONG: long } }, undefined),
      /too long/,
    );
    refuseTooLong('a', { path, words: ['a', word], environment: { HOME: '/' } }, undefined);
  });

  test('count with the pointers to them', () => {
    const words = Array.from({ length: 300_000 }, () => 'abc');
    assert.throws(() => refuseTooLong('a', { path, words, environment: {} }, undefined), /too long/);
  });

  for (const [stack, most] of [
    ['8388608', 20],
    ['1048576', 2],
    // Never less than 128 KiB, never more than 6 MiB.
    ['65536', 1],
    ['unlimited', 62],
  ] as const) {
    test(`of 100 kB fit ${most} times where the stack's limit is ${stack}`, () => {
      given(most, stackOf(stack));
      assert.throws(() => given(most + 1, stackOf(stack)), /too long/);
    });
  }

  test('fit into a quarter of 8 MiB where nobody says how large the stack may be', () => {
    given(20);
    assert.throws(() => given(21), /too long/);
  });
});
