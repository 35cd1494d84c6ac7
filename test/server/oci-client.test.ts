import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CatalogRecords } from '../../src/admission/index.ts';
import { Catalog } from '../../src/catalog/index.ts';
import type { MirrorSite } from '../fixtures/mirror-site.ts';
import { ask } from '../fixtures/raw-http.ts';
import { RegistrySite } from '../fixtures/registry-site.ts';
import { sha256 } from '../fixtures/sample-store.ts';

interface WireError {
  readonly errors: readonly { readonly code: string; readonly message: string }[];
}

/** The OCI distribution specification 1.1, as far as a registry is read. */
describe('the registry, for every other client', () => {
  let site: RegistrySite;
  const names = ['alpha', 'beta', 'gamma'];
  let catalog: Catalog;
  before(async () => {
    const now = () => new Date('2026-11-23T12:00:00Z');
    catalog = await Catalog.open(':memory:', now);
    const prepare = (mirror: MirrorSite) => {
      for (const name of names)
        for (const tag of ['1b', '3b', 'latest'])
          mirror.publish(`library/${name}`, tag, { system: Buffer.from(`${name} ${tag}`) });
    };
    site = await RegistrySite.start(prepare, { records: new CatalogRecords(catalog, now) });
    for (const name of names)
      for (const tag of ['1b', '3b', 'latest']) await ask(site.port, `/v2/library/${name}/manifests/${tag}`);
  });
  after(async () => {
    await site[Symbol.asyncDispose]();
    await catalog.close();
  });

  const json = async <T>(path: string) => {
    const { status, headers, body } = await ask(site.port, path);
    return { status, headers, json: JSON.parse(body.toString()) as T };
  };

  test('GET /v2/ says what it is', async () => {
    for (const path of ['/v2/', '/v2']) {
      const { status, headers } = await ask(site.port, path);
      assert.equal(status, 200);
      assert.equal(headers['docker-distribution-api-version'], 'registry/2.0');
    }
  });

  test('tags come in order, page by page, each with the way to the next', async () => {
    const path = '/v2/library/beta/tags/list';
    assert.deepEqual((await json(path)).json, { name: 'library/beta', tags: ['1b', '3b', 'latest'] });
    const first = await json(`${path}?n=2`);
    assert.deepEqual(first.json, { name: 'library/beta', tags: ['1b', '3b'] });
    assert.equal(first.headers.link, `<${path}?n=2&last=3b>; rel="next"`);
    const next = await json(`${path}?n=2&last=3b`);
    assert.deepEqual(next.json, { name: 'library/beta', tags: ['latest'] });
    assert.equal(next.headers.link, undefined);
  });

  test('n=0 is an empty page, and a page of nonsense is the usual one', async () => {
    const path = '/v2/library/beta/tags/list';
    assert.deepEqual((await json<{ tags: string[] }>(`${path}?n=0`)).json.tags, []);
    for (const query of ['n=-1', 'n=1e9', 'n=99999999', 'last=%00', 'n=2&n=x'])
      assert.equal((await json<{ tags: string[] }>(`${path}?${query}`)).status, 200, query);
  });

  test('the catalog lists repositories, page by page', async () => {
    const first = await json('/v2/_catalog?n=2');
    assert.deepEqual(first.json, { repositories: ['library/alpha', 'library/beta'] });
    assert.equal(first.headers.link, '</v2/_catalog?n=2&last=library%2Fbeta>; rel="next"');
    const next = await json('/v2/_catalog?n=2&last=library%2Fbeta');
    assert.deepEqual(next.json, { repositories: ['library/gamma'] });
  });

  test('a manifest without referrers has an empty index of them', async () => {
    const { headers, json: index } = await json(`/v2/library/beta/referrers/${sha256(Buffer.from('x'))}`);
    assert.equal(headers['content-type'], 'application/vnd.oci.image.index.v1+json');
    assert.deepEqual(index, {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [],
    });
  });

  test('errors come in the form of the specification', async () => {
    for (const [path, status, code] of [
      ['/v2/library/none/manifests/latest', 404, 'MANIFEST_UNKNOWN'],
      ['/v2/library/none/tags/list', 404, 'NAME_UNKNOWN'],
      [`/v2/library/beta/blobs/sha256:${'0'.repeat(64)}`, 404, 'BLOB_UNKNOWN'],
      ['/v2/library/beta/blobs/sha256:12', 400, 'DIGEST_INVALID'],
      ['/v2/li..brary//manifests/latest', 400, 'NAME_INVALID'],
    ] as const) {
      const answer = await json<WireError>(path);
      assert.equal(answer.status, status, path);
      assert.equal(answer.headers['content-type'], 'application/json');
      assert.equal(answer.json.errors[0]?.code, code);
    }
  });

  test('nothing can be written: 405, with what is allowed', async () => {
    for (const method of ['PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS']) {
      const { status, headers } = await ask(site.port, '/v2/library/beta/manifests/latest', {}, method);
      assert.equal(status, 405, method);
      assert.equal(headers.allow, 'GET, HEAD');
    }
    assert.equal((await ask(site.port, '/v2/library/beta/blobs/uploads/', {}, 'POST')).status, 405);
  });

  test('health, metrics and a console are not on this port', async () => {
    for (const path of ['/', '/metrics', '/healthz', '/readyz', '/v1/', '/admin'])
      assert.equal((await ask(site.port, path)).status, 404, path);
  });
});
