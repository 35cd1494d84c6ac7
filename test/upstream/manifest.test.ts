import assert from 'node:assert/strict';
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { manifestSizeLimit } from '../../src/oci/index.ts';
import { LibraryStandIn, type Mischief } from '../fixtures/library-stand-in.ts';
import { testUpstream } from '../fixtures/test-upstream.ts';

let library: LibraryStandIn;
const manifest = Buffer.from('{"schemaVersion":2,"layers":[]}');
const never = new AbortController().signal;
beforeEach(async () => {
  library = await LibraryStandIn.start();
  library.publish('library/sample', 'latest', manifest, []);
});
afterEach(() => library.close());

const ask = (more: Parameters<typeof testUpstream>[1] = {}, signal = never) => {
  const { upstream, waited } = testUpstream(library.url, more);
  return upstream
    .manifest('library/sample', 'latest', signal)
    .finally(() => upstream.close())
    .then((bytes) => ({ bytes, waited }));
};

/** That asking fails with this code and these words. */
const refused = (code: string, words: RegExp, more: Parameters<typeof testUpstream>[1] = {}) =>
  assert.rejects(ask(more), { code, message: words });

/** The first so many requests are answered in another way. */
function atFirst(times: number, mischief: (...of: Parameters<Mischief>) => void): void {
  let left = times;
  library.mischief = (request, response) => {
    left -= 1;
    if (left < 0) return false;
    mischief(request, response);
    return true;
  };
}
const always = (mischief: (...of: Parameters<Mischief>) => void) =>
  atFirst(Number.POSITIVE_INFINITY, mischief);

describe('a manifest', () => {
  test('is asked for as Ollama asks, and its bytes are given as they are', async () => {
    const { bytes } = await ask();
    assert.deepEqual(bytes, manifest);
    const [request] = library.requests;
    assert.deepEqual([request?.method, request?.url], ['GET', '/v2/library/sample/manifests/latest']);
    assert.equal(request?.headers['user-agent'], 'ollama/0.33.0 (amd64 linux) Go/go1.26.8');
    assert.equal(request?.headers.accept, 'application/vnd.docker.distribution.manifest.v2+json');
    assert.equal(request?.headers['accept-encoding'], 'identity');
    assert.equal(request?.headers.authorization, undefined);
  });

  test('that is not there is UPSTREAM_NOT_FOUND, and is not asked for again', async () => {
    always((_, response) => response.writeHead(404).end('not here'));
    await refused('UPSTREAM_NOT_FOUND', /does not have it$/);
    assert.equal(library.requests.length, 1);
  });

  test('of a captive portal is refused', async () => {
    always((_, response) =>
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>'),
    );
    await refused('UPSTREAM_ANSWER', /it answers with a web page/);
  });
  test('that is an empty 200 is refused', async () => {
    always((_, response) => response.writeHead(200).end());
    await refused('UPSTREAM_ANSWER', /its manifest is empty$/);
  });
  test('that never ends is cut at the limit', async () => {
    let sent = 0;
    always((_, response) => {
      const more = () => {
        sent += 65_536;
        if (!response.destroyed && sent < 4 * manifestSizeLimit) response.write(Buffer.alloc(65_536), more);
        else response.end();
      };
      more();
    });
    await refused('UPSTREAM_ANSWER', /its manifest has more than 4194304 bytes$/);
  });
  test('that is a gzip bomb is refused unread', async () => {
    const bomb = gzipSync(Buffer.alloc(1_000_000));
    always((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
    await refused('UPSTREAM_ANSWER', /it sends gzip although nothing encoded was asked for$/);
  });
});

describe('an upstream that has a bad hour', () => {
  for (const status of [500, 502, 503, 408])
    test(`and answers ${status} is asked again, later each time`, async () => {
      atFirst(2, (_, response) => response.writeHead(status).end('busy'));
      const { bytes, waited } = await ask();
      assert.deepEqual([bytes, waited], [manifest, [500, 1000]]);
    });
  test('and says when to come back is not asked before, within the limit', async () => {
    atFirst(1, (_, response) => response.writeHead(429, { 'retry-after': '7' }).end());
    assert.deepEqual((await ask()).waited, [7000]);
    atFirst(1, (_, response) =>
      response.writeHead(429, { 'retry-after': 'Mon, 23 Nov 2026 12:00:30 GMT' }).end(),
    );
    assert.deepEqual((await ask()).waited, [30_000]);
    atFirst(1, (_, response) => response.writeHead(429, { 'retry-after': '999999' }).end());
    assert.deepEqual((await ask()).waited, [60_000]);
  });
  test('and cuts the connection is asked again', async () => {
    atFirst(2, (_, response) => response.destroy());
    assert.deepEqual((await ask()).bytes, manifest);
  });
  test('and does not get better is given up, with the last reason', async () => {
    always((_, response) => response.writeHead(503).end());
    await refused('UPSTREAM_UNREACHABLE', /it answers 503$/);
    assert.equal(library.requests.length, 3);
  });
  test('and hangs is given up after the limit', async () => {
    always(() => {});
    await refused('UPSTREAM_UNREACHABLE', /it does not answer$/, { limits: { stallMs: 50, tries: 2 } });
  });
  test('and is gone is given up, and nothing keeps the process', async () => {
    const { url } = library;
    await library.close();
    const { upstream } = testUpstream(url);
    await assert.rejects(upstream.manifest('a/b', 'c', never), { message: /it refuses connections$/ });
    await upstream.close();
  });
  test('is not waited for by somebody who left', async () => {
    const leaving = new AbortController();
    always(() => leaving.abort(new Error('left')));
    await assert.rejects(ask({}, leaving.signal), /^Error: left$/);
  });
});

describe('an upstream that sends elsewhere', () => {
  for (const [target, words] of [
    ['http://169.254.169.254/latest/meta-data', /it is not https$/],
    ['https://169.254.169.254/', /it is no address of the public network$/],
    ['https://evil.example/', /no such host is allowed/],
    ['https://user:pw@127.0.0.2.nip.example/', /it holds credentials$/],
  ] as const)
    test(`to ${target} is not followed`, async () => {
      always((_, response) => response.writeHead(307, { location: target }).end());
      await refused('UPSTREAM_REDIRECT', words);
      assert.equal(library.requests.length, 1);
    });
  test('in a circle is not followed for ever', async () => {
    always(({ url }, response) => response.writeHead(307, { location: url }).end());
    await refused('UPSTREAM_ANSWER', /it redirects more than 5 times$/);
    assert.equal(library.requests.length, 6);
  });
  test('to nowhere is refused', async () => {
    always((_, response) => response.writeHead(307, { location: 'http://[' }).end());
    await refused('UPSTREAM_ANSWER', /its redirect leads nowhere$/);
  });
});

describe('an upstream that wants a token', () => {
  const pair = generateKeyPairSync('ed25519');
  const identity = {
    publicKey: 'AAAAC3NzaC1lZDI1NTE5',
    sign: (data: Uint8Array) => sign(null, data, pair.privateKey),
  };
  /** Asks for a token, and takes `good`. */
  function wanting(realm: string, token: string | Buffer = '{"token":"good"}', status = 200): void {
    library.mischief = ({ url, headers }, response) => {
      if (url.startsWith('/token')) {
        response.writeHead(status).end(token);
        return true;
      }
      if (headers.authorization === 'Bearer good') return false;
      response.writeHead(401, {
        'www-authenticate': `Bearer realm="${realm}",service="library",scope="repository:a:pull repository:b:pull"`,
      });
      response.end();
      return true;
    };
  }
  const own = () => new URL('/token?kept=1', library.url).href;

  test('gets the one it gives to everybody, and is asked once more', async () => {
    wanting(own());
    assert.deepEqual((await ask()).bytes, manifest);
    assert.deepEqual(
      library.requests.map(({ url, headers }) => [url, headers.authorization]),
      [
        ['/v2/library/sample/manifests/latest', undefined],
        ['/token?kept=1&scope=repository%3Aa%3Apull&scope=repository%3Ab%3Apull&service=library', undefined],
        ['/v2/library/sample/manifests/latest', 'Bearer good'],
      ],
    );
  });

  test('gives one for each repository, of which 256 are kept: clients choose the repositories', async () => {
    wanting(own());
    const { upstream } = testUpstream(library.url);
    const requestsFor = async (at: number) => {
      const before = library.requests.length;
      library.publish(`library/r${at}`, 'latest', manifest, []);
      await upstream.manifest(`library/r${at}`, 'latest', never);
      return library.requests.length - before;
    };
    assert.deepEqual([await requestsFor(0), await requestsFor(0)], [3, 1]);
    for (let at = 1; at <= 256; at += 1) await requestsFor(at);
    assert.deepEqual([await requestsFor(256), await requestsFor(0)], [1, 3]);
    await upstream.close();
  });

  test('gets it with an Ollama key, signed as Ollama signs', async () => {
    wanting(own());
    await ask({ identity });
    const request = library.requests[1];
    const [key, signature = ''] = request?.headers.authorization?.split(':') ?? [];
    assert.equal(key, identity.publicKey);
    const nothing =
      'ZTNiMGM0NDI5OGZjMWMxNDlhZmJmNGM4OTk2ZmI5MjQyN2FlNDFlNDY0OWI5MzRjYTQ5NTk5MWI3ODUyYjg1NQ==';
    const signed = Buffer.from(`GET,${new URL(request?.url ?? '', library.url).href},${nothing}`);
    assert.ok(verify(null, signed, pair.publicKey, Buffer.from(signature, 'base64')));
    assert.match(request?.url ?? '', /[?&]nonce=A{22}&.*&ts=1795435200$/);
  });

  test('from a foreign realm gets no request sent there', async () => {
    wanting('https://evil.example/token');
    await refused('UPSTREAM_DENIED', /it sends for a token to evil\.example$/, { identity });
    assert.equal(library.requests.length, 1);
  });

  test('and points to a realm beside it never gets a signature', async () => {
    wanting(new URL('/token', library.storeUrl).href);
    await ask({ identity });
    const asked = library.requests.filter(({ at }) => at === 'store');
    assert.deepEqual(
      asked.map(({ headers }) => headers.authorization),
      [undefined],
    );
  });

  for (const [what, token, status] of [
    ['none', '{}', 200],
    ['no JSON', 'good', 200],
    ['one with a line break', '{"token":"a\\r\\nX: y"}', 200],
    ['one of a megabyte', `{"token":"${'x'.repeat(1_000_000)}"}`, 200],
    ['a refusal', '{"token":"good"}', 403],
  ] as const)
    test(`and gives ${what} is UPSTREAM_DENIED`, async () => {
      wanting(own(), token, status);
      await refused('UPSTREAM_DENIED', /token/);
    });

  for (const header of ['Basic realm="x"', 'Bearer realm="not a url"', 'Bearer', ''])
    test(`with the challenge ${JSON.stringify(header)} is UPSTREAM_DENIED`, async () => {
      always((_, response) =>
        response.writeHead(401, header === '' ? {} : { 'www-authenticate': header }).end(),
      );
      await refused('UPSTREAM_DENIED', /it wants another kind of login than a token$/);
    });

  test('of Ollama alone, and of nobody else, is asked under a plain name where there is no key', async () => {
    always(({ headers }, response) => {
      if (headers['user-agent']?.startsWith('ollama/')) response.writeHead(401).end();
      else response.end(manifest);
    });
    assert.deepEqual((await ask()).bytes, manifest);
    const agents = library.requests.map(({ headers }) => headers['user-agent']?.split('/')[0]);
    assert.deepEqual(agents, ['ollama', 'model-mirror']);
  });

  test('of Ollama alone for one repository says nothing of the others: they are asked as Ollama asks', async () => {
    always(({ url, headers }, response) => {
      if (url.includes('/odd/') && headers['user-agent']?.startsWith('ollama/'))
        response.writeHead(401).end();
      else response.end(manifest);
    });
    const { upstream } = testUpstream(library.url);
    const signal = new AbortController().signal;
    for (const repository of ['library/odd', 'library/plain', 'library/odd'])
      assert.deepEqual(await upstream.manifest(repository, 'latest', signal), manifest);
    await upstream.close();
    const agents = library.requests.map(({ headers }) => headers['user-agent']?.split('/')[0]);
    assert.deepEqual(agents, ['ollama', 'model-mirror', 'ollama', 'model-mirror']);
  });
});
