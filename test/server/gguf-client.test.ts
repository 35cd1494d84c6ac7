import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { PublishedModel } from '../fixtures/mirror-site.ts';
import { agents, ask } from '../fixtures/raw-http.ts';
import { RegistrySite } from '../fixtures/registry-site.ts';
import { sha256 } from '../fixtures/sample-store.ts';

/** Section 9 of the notes on Ollama as a registry client, line by line: what its GGUF client needs. */
describe('the registry, for the client of GGUF models', () => {
  let site: RegistrySite;
  let model: PublishedModel;
  const weights = Buffer.from('weights that are not many');
  before(async () => {
    site = await RegistrySite.start((mirror) => {
      model = mirror.publish('library/tiny', 'latest', { model: weights, system: Buffer.from('Be brief.') });
    });
    await ask(site.port, '/v2/library/tiny/manifests/latest');
  });
  after(() => site[Symbol.asyncDispose]());

  const blob = `/v2/library/tiny/blobs/${sha256(weights)}`;

  describe('1. manifests', () => {
    for (const path of ['library/tiny/manifests/latest', 'Library/TINY/manifests/LaTest']) {
      test(`${path}: the raw stored bytes, their length, digest and tag, whatever the case`, async () => {
        const { status, headers, body } = await ask(site.port, `/v2/${path}`, agents.ollama);
        assert.equal(status, 200);
        assert.deepEqual(body, model.manifest);
        assert.equal(headers['content-length'], `${model.manifest.length}`);
        assert.equal(headers['docker-content-digest'], model.digest);
        assert.equal(headers.etag, `"${model.digest}"`);
        assert.equal(headers['content-type'], 'application/vnd.docker.distribution.manifest.v2+json');
        assert.equal(headers['content-encoding'], undefined);
        assert.equal(headers['transfer-encoding'], undefined);
      });
    }

    test('by digest, for other clients', async () => {
      const { status, body } = await ask(site.port, `/v2/library/tiny/manifests/${model.digest}`);
      assert.equal(status, 200);
      assert.deepEqual(body, model.manifest);
    });

    test('HEAD says the same without the bytes', async () => {
      const { status, headers, body } = await ask(site.port, '/v2/library/tiny/manifests/latest', {}, 'HEAD');
      assert.equal(status, 200);
      assert.equal(headers['content-length'], `${model.manifest.length}`);
      assert.equal(headers['docker-content-digest'], model.digest);
      assert.equal(body.length, 0);
    });

    test('404 for what nobody has, and never a web page', async () => {
      const { status, headers } = await ask(site.port, '/v2/library/none/manifests/latest', agents.ollama);
      assert.equal(status, 404);
      assert.equal(headers['content-type'], 'application/json');
    });
  });

  test('2. HEAD of a blob: 200 and the exact length, not chunked, no redirect', async () => {
    const { status, headers, body } = await ask(site.port, blob, agents.ollama, 'HEAD');
    assert.equal(status, 200);
    assert.equal(headers['content-length'], `${weights.length}`);
    assert.equal(headers['transfer-encoding'], undefined);
    assert.equal(body.length, 0);
  });

  describe('3. GET of a blob without a range', () => {
    test('the probe of Ollama gets its own address and no body', async () => {
      const { status, headers, body } = await ask(site.port, blob, {
        ...agents.ollama,
        'accept-encoding': 'gzip',
      });
      assert.equal(status, 200);
      assert.equal(headers.location, blob);
      assert.equal(headers['content-length'], '0');
      assert.equal(body.length, 0);
    });

    test('everybody else gets the bytes, and the same address', async () => {
      const { status, headers, body } = await ask(site.port, blob, agents.ranges);
      assert.equal(status, 200);
      assert.equal(headers.location, blob);
      assert.deepEqual(body, weights);
    });
  });

  describe('4. GET of a blob with a range', () => {
    for (const [range, start, end] of [
      ['bytes=0-4', 0, 5],
      ['bytes=8-', 8, weights.length],
      ['bytes=-6', weights.length - 6, weights.length],
      [`bytes=0-${weights.length - 1}`, 0, weights.length],
      ['bytes=20-99999999', 20, weights.length],
    ] as const) {
      test(`${range}: 206, the exact bytes, never compressed`, async () => {
        const { status, headers, body } = await ask(site.port, blob, {
          ...agents.ranges,
          range,
          'accept-encoding': 'gzip',
        });
        assert.equal(status, 206);
        assert.deepEqual(body, weights.subarray(start, end));
        assert.equal(headers['content-range'], `bytes ${start}-${end - 1}/${weights.length}`);
        assert.equal(headers['content-length'], `${end - start}`);
        assert.equal(headers['content-encoding'], undefined);
      });
    }

    test('what cannot be had is answered without a body: Ollama would write it into the blob', async () => {
      for (const [path, range, wanted] of [
        [blob, `bytes=${weights.length}-`, 416],
        [`/v2/library/tiny/blobs/sha256:${'0'.repeat(64)}`, 'bytes=0-9', 404],
      ] as const) {
        const { status, body } = await ask(site.port, path, { ...agents.ranges, range });
        assert.equal(status, wanted);
        assert.equal(body.length, 0);
      }
    });
  });

  test('7. a digest that is none is refused, and nothing is looked up', async () => {
    for (const digest of [
      `sha256:${'A'.repeat(64)}`,
      `sha256-${'a'.repeat(64)}`,
      'sha256:abc',
      `sha512:${'a'.repeat(128)}`,
    ]) {
      const { status, body } = await ask(site.port, `/v2/library/tiny/blobs/${digest}`);
      assert.equal(status, 400);
      assert.equal(
        (JSON.parse(body.toString()) as { errors: { code: string }[] }).errors[0]?.code,
        'DIGEST_INVALID',
      );
    }
  });

  test('7. an empty manifest and one that two readers read differently are not passed on', async () => {
    for (const [tag, text] of [
      ['empty', '{}'],
      ['twice', `{"schemaVersion":2,"layers":[],${model.manifest.toString().slice(1)}`],
    ] as const) {
      site.site.library.publish('library/odd', tag, Buffer.from(text), []);
      const { status } = await ask(site.port, `/v2/library/odd/manifests/${tag}`, agents.ollama);
      assert.equal(status, 503);
    }
  });
});
