import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { isAbsolute } from 'node:path';
import { test } from 'node:test';
import { homeDirectory } from '../../src/files/index.ts';

test('home is what HOME says, when that is an absolute path', () => {
  assert.equal(homeDirectory('/home/me'), '/home/me');
});

for (const HOME of [undefined, '', 'home', '.', './x']) {
  test(`home is what the user database says when HOME is ${JSON.stringify(HOME)}`, () => {
    const { homedir } = userInfo();
    assert.equal(homeDirectory(HOME), isAbsolute(homedir) ? homedir : undefined);
  });
}
