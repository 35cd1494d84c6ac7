import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { describe, test } from 'node:test';
import { defaultStatePath } from '../../src/state/index.ts';

describe('state is kept by default', () => {
  test('in /var/lib for root, whatever the environment says', () => {
    assert.equal(defaultStatePath({ HOME: '/root', XDG_STATE_HOME: '/x' }, 0), '/var/lib/verify-models');
  });

  test('in the XDG state directory', () => {
    assert.equal(defaultStatePath({ HOME: '/home/me', XDG_STATE_HOME: '/x' }, 1000), '/x/verify-models');
  });

  for (const XDG_STATE_HOME of [undefined, '', 'state', './state', '~/state']) {
    test(`in ~/.local/state where XDG_STATE_HOME is ${JSON.stringify(XDG_STATE_HOME)}`, () => {
      assert.equal(
        defaultStatePath({ HOME: '/home/me', XDG_STATE_HOME }, 1000),
        '/home/me/.local/state/verify-models',
      );
    });
  }

  test('in the same place where users have no numbers', () => {
    assert.equal(defaultStatePath({ HOME: '/home/me' }, undefined), '/home/me/.local/state/verify-models');
  });

  for (const HOME of [undefined, '', 'home', '.']) {
    test(`never below the working directory: HOME is ${JSON.stringify(HOME)}`, () => {
      const { homedir } = userInfo();
      const expected = isAbsolute(homedir)
        ? join(homedir, '.local/state/verify-models')
        : '/var/lib/verify-models';
      assert.equal(defaultStatePath({ HOME }, 1000), expected);
    });
  }
});
