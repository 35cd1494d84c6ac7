import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { objectionTo, pathTarget } from '../../src/inbound/index.ts';

/** A request as Node.js gives it: of several equal names the first counts. */
function asked(lines: readonly (readonly [string, string])[], url = '/v2/') {
  const headers: Record<string, string> = {};
  for (const [name, value] of lines) headers[name.toLowerCase()] ??= value;
  return { url, headers, rawHeaders: lines.flat() };
}

const own = { has: (name: string) => name === 'mirror.corp', only: true };
const said = (lines: readonly (readonly [string, string])[], url?: string, names = own) => {
  const objection = objectionTo(asked(lines, url), names);
  return objection && `${objection.status} ${objection.sentence}`;
};
const host = ['Host', 'mirror.corp'] as const;

describe('a request is not answered', () => {
  for (const [what, lines, sentence] of [
    ['with two Host headers', [host, ['Host', 'evil.example']], '400 the request has two Host headers'],
    [
      'with two equal ones, in any case',
      [host, ['hOST', 'mirror.corp']],
      '400 the request has two Host headers',
    ],
    ['whose Host is no name', [['Host', 'a b']], '400 the Host header of the request is no name of a host'],
    ['whose Host is empty', [['Host', '']], '400 the Host header of the request is no name of a host'],
    [
      'to a name that is not its own',
      [['Host', 'evil.example:11435']],
      '403 this server listens on this machine alone and does not go by the name evil.example',
    ],
    ...(['cross-site', 'same-site', 'none, cross-site', '', 'anything'] as const).map(
      (site) =>
        [
          `of a page whose site is ${JSON.stringify(site)}`,
          [host, ['Sec-Fetch-Site', site]],
          '403 this server does not answer web pages of other sites',
        ] as const,
    ),
    ...(
      ['https://evil.example', 'null', 'http://mirror.corp:1', 'http://mirror.corp.evil.example'] as const
    ).map(
      (origin) =>
        [
          `of the origin ${origin}`,
          [host, ['Origin', origin]],
          '403 this server does not answer web pages of other sites',
        ] as const,
    ),
  ] as const)
    test(what, () => assert.equal(said(lines), sentence));

  for (const target of [
    'http://evil.example/v2/',
    'HTTPS://evil.example',
    'http://user@mirror.corp/v2/',
    'http:///',
  ])
    test(`whose target names another host than its Host header: ${target}`, () =>
      assert.equal(
        said([host], target),
        '400 the request names one host in its target and another one in its Host header',
      ));
});

test('who runs the server reads how it gets another name', () => {
  const names = { ...own, how: '--public-host names it' };
  assert.equal(
    objectionTo(asked([['Host', 'other.corp']]), names)?.sentence,
    'this server listens on this machine alone and does not go by the name other.corp; --public-host names it',
  );
});

describe('a request is answered', () => {
  for (const [what, lines] of [
    ['to its own name', [host]],
    ['to its own name with a port and in any case', [['HOST', 'Mirror.Corp:443']]],
    ['without a host, which HTTP/1.0 does not know', []],
    ['that a person typed into a browser', [host, ['Sec-Fetch-Site', 'none']]],
    ['of a page of its own', [host, ['Sec-Fetch-Site', 'same-origin'], ['Origin', 'https://mirror.corp']]],
  ] as const)
    test(what, () => assert.equal(said(lines), undefined));

  test('to any name where it does not listen on this machine alone', () =>
    assert.equal(objectionTo(asked([['Host', 'evil.example']]), { ...own, only: false }), undefined));

  test('with its host in the target too, and the port that is usual there', () => {
    for (const target of [
      'http://mirror.corp/v2/',
      'http://MIRROR.corp:80/v2/',
      'https://mirror.corp:443/v2/',
    ]) {
      assert.equal(said([host], target), undefined, target);
      assert.equal(pathTarget(target), '/v2/');
    }
    assert.equal(pathTarget('/v2/?x=http://y'), '/v2/?x=http://y');
  });
});
