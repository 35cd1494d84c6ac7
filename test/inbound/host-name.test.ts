import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostNameOf, isLoopbackName } from '../../src/inbound/index.ts';

test('a Host header is a name or an address, whose port and last dot do not matter', () => {
  for (const [host, name] of [
    ['mirror.corp', 'mirror.corp'],
    ['Mirror.CORP:443', 'mirror.corp'],
    ['mirror.corp.', 'mirror.corp'],
    ['mirror.corp.:80', 'mirror.corp'],
    ['127.0.0.1:11435', '127.0.0.1'],
    ['[::1]:11435', '::1'],
    ['[2001:DB8::1]', '2001:db8::1'],
    ['x:', 'x'],
    ['', undefined],
    ['a b', undefined],
    ['a/b', undefined],
    ['user@host', undefined],
    ['host:80:90', undefined],
    ['::1', undefined],
    ['host\t', undefined],
    ['a,b', undefined],
  ] as const)
    assert.equal(hostNameOf(host), name, host);
});

test('names of this machine are localhost, what is below it, and the loopback addresses', () => {
  for (const name of ['localhost', 'a.localhost', '127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1'])
    assert.equal(isLoopbackName(name), true, name);
  for (const name of ['::ffff:127.0.0.1', '::ffff:7f00:1']) assert.equal(isLoopbackName(name), true, name);
  for (const name of [
    'localhost.evil.example',
    'notlocalhost',
    '127.evil.example',
    '0.0.0.0',
    '::',
    '10.0.0.1',
  ])
    assert.equal(isLoopbackName(name), false, name);
  for (const name of ['127.1', '2130706433', '0x7f.0.0.1', '::2', '1::1'])
    assert.equal(isLoopbackName(name), false, name);
});
