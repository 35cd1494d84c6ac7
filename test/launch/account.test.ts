import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { accountOf } from '../../src/launch/index.ts';

const passwd =
  'root:x:0:0:root:/root:/bin/sh\nollama:x:998:997::/usr/share/ollama:/bin/false\nbroken:x::::\n';

suite('the account of --user', () => {
  const known = { login: 'ollama', home: '/usr/share/ollama' };
  const ollama = { uid: 998, gid: 997, name: 'ollama', ...known };
  test('is that of a name, or of a number in passwd', () => {
    assert.deepEqual(accountOf('ollama', passwd), ollama);
    assert.deepEqual(accountOf('998', passwd), ollama);
  });
  test('is two numbers, without a name and without groups', () => {
    assert.deepEqual(accountOf('1000:1001', passwd), {
      uid: 1000,
      gid: 1001,
      name: undefined,
      login: undefined,
      home: undefined,
    });
  });
  test('may have numbers of ten digits', () => {
    const { uid, gid } = accountOf('1000660000:4294967294', passwd);
    assert.deepEqual([uid, gid], [1_000_660_000, 4_294_967_294]);
  });
  test('is two numbers, at home where passwd says, without the groups that the user has there', () => {
    assert.deepEqual(accountOf('998:1001', passwd), { uid: 998, gid: 1001, name: undefined, ...known });
  });
  test('is at home nowhere where passwd names no place', () => {
    assert.equal(accountOf('homeless', 'homeless:x:5:5:::\n').home, undefined);
  });
  for (const user of ['nobody-here', '4242', 'broken', '']) {
    test(`${JSON.stringify(user)} is refused`, () => {
      assert.throws(() => accountOf(user, passwd), /there is no such user in \/etc\/passwd/);
    });
  }
});
