import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { accountOf } from '../../src/launch/index.ts';

const passwd =
  'root:x:0:0:root:/root:/bin/sh\nollama:x:998:997::/usr/share/ollama:/bin/false\nbroken:x::::\n';

suite('the account of --user', () => {
  const ollama = { uid: 998, gid: 997, name: 'ollama', home: '/usr/share/ollama' };
  test('is that of a name, or of a number in passwd', () => {
    assert.deepEqual(accountOf('ollama', passwd), ollama);
    assert.deepEqual(accountOf('998', passwd), ollama);
  });
  test('is two numbers, without a name and without groups', () => {
    assert.deepEqual(accountOf('1000:1001', passwd), {
      uid: 1000,
      gid: 1001,
      name: undefined,
      home: undefined,
    });
  });
  for (const user of ['nobody-here', '4242', 'broken', '']) {
    test(`${JSON.stringify(user)} is refused`, () => {
      assert.throws(() => accountOf(user, passwd), /there is no such user in \/etc\/passwd/);
    });
  }
});
