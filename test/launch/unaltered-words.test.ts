import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { refuseAltered } from '../../src/launch/index.ts';

const latin = (text: string): Buffer => Buffer.from(text, 'latin1');
const nothing = { words: undefined, environment: undefined };

suite('words and variables that Node.js would hand over altered', () => {
  test('are refused by name', () => {
    assert.throws(
      () => refuseAltered('a', { ...nothing, words: latin('node\0exec\0--\0a\0/srv/caf\xe9\0') }),
      /a cannot be run: the word \/srv\/caf\ufffd is not UTF-8/,
    );
    assert.throws(
      () =>
        refuseAltered('a', { ...nothing, environment: latin('HOME=/\0WHERE=/srv/caf\xe9\nx=\0PATH=/bin') }),
      /the variable WHERE \(env -u WHERE takes it away\) is not UTF-8/,
    );
  });

  test('are none where all is UTF-8, or cannot be seen', () => {
    const words = Buffer.from('a\0/srv/café\0\ufffd\0');
    refuseAltered('a', { words, environment: Buffer.from('WHERE=/srv/café\0') });
    refuseAltered('a', nothing);
  });
});
