import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { LibraryRequest } from '../../fixtures/library-stand-in.ts';
import type { PublishedModel } from '../../fixtures/mirror-site.ts';
import { patternedBytes } from '../../fixtures/patterned-bytes.ts';
import { agents, ask } from '../../fixtures/raw-http.ts';
import { RegistrySite } from '../../fixtures/registry-site.ts';
import { sha256 } from '../../fixtures/sample-store.ts';
import { blobNames, wrongBlobs } from '../../fixtures/whole-blobs.ts';

const weights = Buffer.from(patternedBytes(100_000));
const config = '{"model_format":"gguf"}';
const about = {
  'content-length': weights.length,
  'content-range': `bytes 0-${weights.length - 1}/${weights.length}`,
};

type Lie = (request: LibraryRequest, response: ServerResponse) => boolean;

/** Only requests for the weights are answered wrongly, and with this. */
const aboutWeights =
  (at: LibraryRequest['at'], answer: (response: ServerResponse) => void): Lie =>
  (request, response) => {
    if (request.at !== at || !request.url.includes(sha256(weights))) return false;
    answer(response);
    return true;
  };
const aboutManifest =
  (answer: (response: ServerResponse) => void): Lie =>
  ({ url }, response) => {
    if (!url.endsWith('/tiny/manifests/latest')) return false;
    answer(response);
    return true;
  };
const redirectTo = (location: string) =>
  aboutWeights(
    'library',
    (response) => void response.writeHead(307, { location, 'content-length': 0 }).end(),
  );

describe('an upstream that lies', () => {
  let site: RegistrySite;
  let model: PublishedModel;
  beforeEach(async () => {
    site = await RegistrySite.start((mirror) => {
      model = mirror.publish('library/tiny', 'latest', { model: weights });
      mirror.publish('library/other', 'latest', { system: Buffer.from('Another one.') });
    });
  });
  afterEach(() => site[Symbol.asyncDispose]());

  const manifest = (name = 'tiny', agent: Readonly<Record<string, string>> = agents.ranges) =>
    ask(site.port, `/v2/library/${name}/manifests/latest`, agent);

  /** Nothing wrong is kept or served, the reason is told, and everything else goes on. */
  async function refused(reason: RegExp, status = 503): Promise<void> {
    const answer = await manifest();
    assert.equal(answer.status, status, answer.body.toString());
    assert.match(answer.body.toString(), reason);
    const blob = await ask(site.port, `/v2/library/tiny/blobs/${sha256(weights)}`, agents.ranges);
    assert.equal(blob.status, 404);
    assert.deepEqual(wrongBlobs(site.site.data.path), []);
    assert.ok(!blobNames(site.site.data.path).includes(sha256(weights).slice(7)));
    assert.equal((await manifest('other')).status, 200);
    assert.deepEqual(site.errors, []);
  }

  /** And when it stops lying, the same request succeeds. */
  async function honestAgain(): Promise<void> {
    site.site.library.mischief = undefined;
    site.site.data.ms += 31_000;
    const answer = await manifest();
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body, model.manifest);
  }

  for (const [what, lie, reason] of [
    [
      'the right length and wrong bytes',
      aboutWeights(
        'store',
        (response) => void response.writeHead(206, about).end(Buffer.alloc(weights.length, 7)),
      ),
      /the bytes that were received for sha256:[0-9a-f]{64} are sha256:[0-9a-f]{64}/,
    ],
    [
      'fewer bytes than it said, each time',
      aboutWeights('store', (response) => {
        response.writeHead(206, about);
        response.write(weights.subarray(0, 0));
        response.destroy();
      }),
      /cannot be reached: it (?:cut the connection|sent another length)/,
    ],
    [
      'more bytes than the manifest says',
      aboutWeights(
        'store',
        (response) =>
          void response
            .writeHead(206, { 'content-length': weights.length + 1, 'content-range': about['content-range'] })
            .end(Buffer.concat([weights, Buffer.from('x')])),
      ),
      /answers as no registry should/,
    ],
    [
      'more bytes than it announced, in chunks',
      aboutWeights('store', (response) => {
        response.writeHead(206, { 'content-range': about['content-range'] });
        response.end(Buffer.concat([weights, weights]));
      }),
      /it sends more bytes than were asked for/,
    ],
    [
      'a blob of another size',
      aboutWeights(
        'store',
        (response) =>
          void response
            .writeHead(206, {
              'content-length': weights.length,
              'content-range': `bytes 0-${weights.length - 1}/999999`,
            })
            .end(weights),
      ),
      /it has another size: 999999 bytes, and the manifest says 100000/,
    ],
    [
      'something compressed, which unpacks to a thousand times as much',
      aboutWeights(
        'store',
        (response) =>
          void response
            .writeHead(206, { ...about, 'content-encoding': 'gzip' })
            .end(gzipSync(Buffer.alloc(50_000_000)).subarray(0, weights.length)),
      ),
      /it sends gzip although nothing encoded was asked for/,
    ],
    [
      'an empty 200 for a blob',
      aboutWeights('store', (response) => void response.writeHead(200, { 'content-length': 0 }).end()),
      /answers as no registry should/,
    ],
    [
      'a web page for a blob',
      aboutWeights(
        'store',
        (response) =>
          void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>'),
      ),
      /cannot be (?:had|reached)/,
    ],
    [
      'a redirect to itself, for ever',
      redirectTo('/v2/library/tiny/blobs/'.concat(sha256(weights))),
      /it redirects more than 5 times/,
    ],
    [
      'a redirect to plain http elsewhere',
      redirectTo('http://example.com/x'),
      /which is not followed: it is not https/,
    ],
    [
      'a redirect to a host that nobody named',
      redirectTo('https://example.com/x'),
      /no such host is allowed/,
    ],
    ['a redirect to another scheme', redirectTo('file:///etc/passwd'), /not followed/],
    [
      'a redirect with credentials',
      redirectTo('https://user:secret@127.0.0.1.example.com/x'),
      /it holds credentials/,
    ],
    ...[
      'https://169.254.169.254/latest/meta-data',
      'https://2852039166/latest',
      'https://0xa9fea9fe/latest',
      'https://0251.0376.0251.0376/latest',
      'https://169.254.43518/latest',
      'https://[::ffff:169.254.169.254]/latest',
      'https://[::ffff:a9fe:a9fe]/latest',
      'https://[64:ff9b::a9fe:a9fe]/latest',
      'https://169.254.169.254./latest',
      'https://10.0.0.1/x',
      'https://192.168.1.1/x',
      'https://100.64.0.1/x',
      'https://[fe80::1]/x',
      'https://[fd00::1]/x',
      'https://0.0.0.0/x',
    ].map(
      (to) =>
        [
          `a redirect to ${to}`,
          redirectTo(to),
          /which is not followed: it is no address of the public network|which is not followed: no such host/,
        ] as const,
    ),
    [
      'a manifest that is a web page: a login stands in between',
      aboutManifest(
        (response) =>
          void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>'),
      ),
      /is there a login page between here and there\?/,
    ],
    [
      'an empty manifest',
      aboutManifest((response) => void response.writeHead(200, { 'content-length': 0 }).end()),
      /its manifest is empty/,
    ],
    [
      'a manifest without end',
      aboutManifest((response) => {
        response.writeHead(200);
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20)));
        };
        response.on('drain', more);
        more();
      }),
      /its manifest has more than 4194304 bytes/,
    ],
    [
      'a manifest that sends for a token elsewhere',
      aboutManifest(
        (response) =>
          void response
            .writeHead(401, { 'www-authenticate': 'Bearer realm="https://evil.example/token",service="x"' })
            .end(),
      ),
      /it sends for a token to evil\.example/,
    ],
    [
      'a manifest of JSON that two readers read differently',
      aboutManifest((response) => void response.end(`{"Layers":[],${'"layers":[],"schemaVersion":2}'}`)),
      /is not one that is passed on/,
    ],
  ] as const) {
    test(`${what}: refused with the reason, nothing is kept, and the next request is served`, async () => {
      site.site.library.mischief = lie;
      await refused(reason);
      await honestAgain();
    });
  }

  test('a manifest of other blobs than were approved is another manifest: its own bytes count', async () => {
    const other = site.site.publish('library/swapped', 'latest', { model: Buffer.from('evil') });
    site.site.library.mischief = aboutManifest((response) => void response.end(other.manifest));
    const answer = await manifest();
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['docker-content-digest'], other.digest);
    assert.deepEqual(wrongBlobs(site.site.data.path), []);
  });

  test('a tag that moves between two requests: what was admitted stays', async () => {
    assert.equal((await manifest()).status, 200);
    site.site.publish('library/tiny', 'latest', { model: Buffer.from('moved') });
    const answer = await manifest();
    assert.deepEqual(answer.body, model.manifest);
  });

  for (const [what, after] of [
    ['seconds', '7'],
    ['a date', 'Mon, 23 Nov 2026 12:00:09 GMT'],
  ] as const) {
    test(`429 with Retry-After in ${what} is waited for, and the model comes`, async () => {
      let refusals = 0;
      site.site.library.mischief = aboutManifest((response) => {
        refusals += 1;
        if (refusals < 3) response.writeHead(429, { 'retry-after': after, 'content-length': 0 }).end();
        else response.end(model.manifest);
      });
      assert.equal((await manifest()).status, 200);
      assert.equal(refusals, 3);
    });
  }

  test('503 for ever is given up, told as unavailable, and not asked by every client anew', async () => {
    site.site.library.mischief = aboutManifest((response) => void response.writeHead(503).end());
    await refused(/it answers 503/);
    const asked = site.site.library.requests.length;
    const again = await manifest();
    assert.equal(again.status, 503);
    assert.match(String(again.headers['retry-after']), /^[0-9]+$/);
    assert.equal(site.site.library.requests.length, asked);
    await honestAgain();
  });

  test('the config is held against its digest as the weights are', async () => {
    site.site.library.mischief = ({ at, url }, response) => {
      if (at !== 'store' || !url.includes(sha256(Buffer.from(config)))) return false;
      response.writeHead(206, {
        'content-length': config.length,
        'content-range': `bytes 0-${config.length - 1}/${config.length}`,
      });
      response.end(config.replace('gguf', 'evil'));
      return true;
    };
    const answer = await manifest();
    assert.equal(answer.status, 503);
    assert.deepEqual(wrongBlobs(site.site.data.path), []);
  });
});
