import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { canWrite } from '../../src/seal/index.ts';

suite('who can write a file', () => {
  const file = (mode: number) => ({ uid: 10, gid: 20, mode });
  const cases = [
    ['its owner', file(0o400), 10, new Set<number>(), true],
    ['root', file(0o400), 0, new Set<number>(), true],
    ['everybody', file(0o602), 11, new Set<number>(), true],
    ['its group', file(0o660), 11, new Set([20]), true],
    ['another group', file(0o660), 11, new Set([21]), false],
    ['somebody whose groups are not known', file(0o660), 11, undefined, true],
    ['nobody else', file(0o644), 11, new Set([20]), false],
  ] as const;
  for (const [who, owned, uid, groups, may] of cases) {
    test(`${who}: ${may}`, () => assert.equal(canWrite(owned, uid, groups), may));
  }
});
