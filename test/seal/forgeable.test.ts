import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { canReplaceIn, canWrite } from '../../src/seal/index.ts';

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

suite('who can put something else in the place of what lies in a directory', () => {
  const folder = (mode: number) => ({ uid: 10, gid: 20, mode });
  for (const [who, owned, uid, may] of [
    ['its owner', folder(0o500), 10, true],
    ['everybody', folder(0o777), 11, true],
    ['nobody else where it is sticky', folder(0o1777), 11, false],
    ['its owner where it is sticky', folder(0o1777), 10, true],
    ['nobody else', folder(0o755), 11, false],
  ] as const) {
    test(`${who}: ${may}`, () => assert.equal(canReplaceIn(owned, uid, new Set()), may));
  }
});
