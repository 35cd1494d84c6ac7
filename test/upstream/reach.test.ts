import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KnownError } from '../../src/errors/index.ts';
import { Reach } from '../../src/upstream/reach.ts';

const reachOf = (url: string, redirectHosts: readonly string[] = [], addresses: readonly string[] = []) =>
  new Reach({ url: new URL(url), redirectHosts, resolve: async () => addresses });

const library = reachOf('https://registry.ollama.ai', ['ollama.ai', 'r2.cloudflarestorage.com']);

/** That a redirect there is refused, and why. */
function refused(reach: Reach, target: string, problem: string): void {
  assert.throws(
    () => reach.check(new URL(target)),
    (error) => {
      assert.ok(error instanceof KnownError && error.code === 'UPSTREAM_REDIRECT', String(error));
      assert.equal(error.facts.problem, problem);
      return true;
    },
  );
}

describe('a public upstream', () => {
  for (const target of [
    'https://registry.ollama.ai/v2/x',
    'https://ollama.ai/x',
    'https://a.b.r2.cloudflarestorage.com/x?sig=1',
  ])
    test(`may send to ${target}`, () => library.check(new URL(target)));

  const unlisted = 'no such host is allowed; --redirect-hosts names more';
  for (const target of [
    ...['https://evil.example/', 'https://evilollama.ai/', 'https://ollama.ai.evil.example/'],
    ...['https://localhost/', 'https://metadata.google.internal/'],
  ])
    test(`may not send to ${target}`, () => refused(library, target, unlisted));

  for (const target of [
    'http://registry.ollama.ai/',
    'http://ollama.ai/',
    'file:///etc/passwd',
    'ftp://ollama.ai/',
  ])
    test(`may not send to ${target}, without TLS`, () => refused(library, target, 'it is not https'));

  test('may not send with credentials', () =>
    refused(library, 'https://user:secret@ollama.ai/', 'it holds credentials'));

  const spellings = [
    ...[
      '169.254.169.254',
      '2852039166',
      '0xa9fea9fe',
      '0251.0376.0251.0376',
      '0xa9.0xfe.0xa9.0xfe',
      '169.254.43518',
    ],
    ...['127.0.0.1', '127.1', '0x7f.1', '2130706433', '017700000001', '0', '10.0.0.1', '192.168.0.1'],
    ...[
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:a9fe:a9fe]',
      '[fe80::1]',
      '[fd00:ec2::254]',
      '[64:ff9b::a9fe:a9fe]',
    ],
  ];
  for (const spelling of spellings)
    test(`may not send to https://${spelling}/`, () =>
      refused(library, `https://${spelling}/`, 'it is no address of the public network'));
});

describe('an upstream on this machine, which somebody named', () => {
  const own = reachOf('http://127.0.0.1:5000');
  test('is reached, and may point to its neighbour', () => {
    for (const target of ['http://127.0.0.1:5000/x', 'http://127.0.0.1:6000/x', 'http://localhost:6000/'])
      own.check(new URL(target));
  });
  test('may not point to anybody else', () => {
    refused(own, 'http://169.254.169.254/', 'it is not https');
    refused(own, 'https://10.0.0.1/', 'it is no address of the public network');
    refused(own, 'https://other.example/', 'no such host is allowed; --redirect-hosts names more');
  });
});

describe('a name', () => {
  const look = (reach: Reach, host: string) =>
    new Promise<string>((resolve, reject) => {
      reach.lookup(host, { all: false }, (error, address) => {
        if (error) reject(error);
        else resolve(String(address));
      });
    });

  test('that was named may lead anywhere', async () => {
    assert.equal(await look(reachOf('https://mirror.corp', [], ['10.0.0.7']), 'mirror.corp'), '10.0.0.7');
  });
  test('of a redirect leads to the public network or nowhere', async () => {
    const both = reachOf('https://registry.ollama.ai', ['ollama.ai'], ['169.254.169.254', '1.1.1.1']);
    assert.equal(await look(both, 'cdn.ollama.ai'), '1.1.1.1');
    const inside = reachOf('https://registry.ollama.ai', ['ollama.ai'], ['169.254.169.254', '::1']);
    await assert.rejects(look(inside, 'cdn.ollama.ai'), {
      code: 'UPSTREAM_REDIRECT',
      message: /its name leads to no address of the public network$/,
    });
  });
  test('without an address is told', async () => {
    await assert.rejects(look(library, 'cdn.ollama.ai'), { message: /its name has no address$/ });
  });
});
