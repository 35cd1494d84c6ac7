import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  describeCause,
  holdsCredentials,
  KnownError,
  shownAddress,
  withoutCredentials,
} from '../../src/errors/index.ts';

describe('credentials in an address', () => {
  for (const [text, shown] of [
    ['http://user:secret@host/path', 'http://…@host/path'],
    ['see https://secret@host and ftp://a:secret@b', 'see https://…@host and ftp://…@b'],
    ['http://user:se@cret@host', 'http://…@host'],
    ['http://user:se/cret@host', 'http://…@host'],
    ['http://user:se?cret#@host/x', 'http://…@host/x'],
    ['http://user:secret-that-is-cut-of', 'http://…'],
    ['(http://user:12secret/x)', '(http://…'],
    ["unknown option '--upstrem=http://user:secret@host'", "unknown option '--upstrem=http://…@host'"],
  ] as const)
    test(`are not in a text: ${text}`, () => assert.equal(withoutCredentials(text), shown));

  for (const text of [
    'https://github.com/org/repo/.github/workflows/release.yml@refs/heads/main',
    'https://host:8443/x@sha256:abc',
    'https://host:443?x=a@b',
    'llama3.2:1b@sha256:abc',
    'models@corp.example',
    'http://host/a b@c',
    'http://[::1]:80/x and http://[2001:db8::1]',
    'http://127.0.0.1:11435/library/llama3.2:1b',
    'https://host:443: connection refused',
    'http://host:80, http://host:81) and http://host:',
    'no address at all',
  ])
    test(`are none: ${text}`, () => assert.equal(withoutCredentials(text), text));

  for (const [typed, shown] of [
    ['http://user:secret@host/path', 'http://…@host/path'],
    ['hf.mirror:80=https://user:secret@hf.co', 'hf.mirror:80=https://…@hf.co'],
    ['http:user:secret@host', 'http:…@host'],
    ['http:\\\\user:secret@host', 'http:\\\\…@host'],
    ['user:secret@proxy:3128', '…@proxy:3128'],
    ['http://user:se cret/@x@host', 'http://…@host'],
    ['//user:secret@host', '//…@host'],
    ['https://host/path', 'https://host/path'],
  ] as const)
    test(`that somebody typed are not shown: ${typed}`, () => {
      assert.equal(shownAddress(typed), shown);
      assert.equal(holdsCredentials(typed), typed.includes('@'));
    });

  test('whatever the password, it is in no error, no cause and no hint', () => {
    const password = fc.stringMatching(/^[!-~]{4,12}$/).filter((text) => !/[\s/?#@]/.test(text));
    fc.assert(
      fc.property(password, (text) => {
        const secret = `p${text}w`;
        const url = `http://user:${secret}@host`;
        for (const shown of [
          new KnownError('USAGE', { problem: `${url} is none` }).message,
          new KnownError('LIST_UNREADABLE', { path: url, problem: 'x' }).hint ?? '',
          describeCause(new Error(`cannot reach ${url}`)),
          describeCause(url),
          shownAddress(url),
        ])
          assert.ok(!shown.includes(secret), shown);
      }),
    );
  });

  test('of an address that was typed in any way, nothing before the last @ but its scheme is shown', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), (text) => {
        assert.equal(shownAddress(`http://${text}@host`).startsWith('http://'), true);
        assert.match(shownAddress(`http://${text}@host`), /^http:[/\\]*…@host$/);
      }),
    );
  });
});
