import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { LibraryStandIn } from '../fixtures/library-stand-in.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { publishFrom, ServedMirror } from '../fixtures/served-mirror.ts';
import { SignedSite } from '../fixtures/signed-site.ts';

const large = 'registry.ollama.ai/library/large:latest';

describe('verify-models allow --from', () => {
  let site: SignedSite;
  let other: SignedSite;
  let library: LibraryStandIn;
  let mirror: ServedMirror;
  beforeEach(async () => {
    site = new SignedSite();
    other = new SignedSite();
    library = await LibraryStandIn.start();
    site.scratch.addModel(large, [
      { kind: 'model', bytes: Buffer.from(patternedBytes(17 * 1024 * 1024)) },
      { kind: 'system', bytes: Buffer.from('Be brief.\n') },
    ]);
    publishFrom(library, site.store, large);
    const upstream = library.url.href.replace(/\/$/, '');
    mirror = await ServedMirror.start('--data', site.beside('data'), '--upstream', upstream);
  });
  afterEach(async () => {
    await mirror.stop();
    await library.close();
    site.remove();
    other.remove();
  });

  const allow = (...words: string[]) =>
    other.run('allow', '--from', mirror.url, '--allow-list', other.list, ...words);

  test('lists what the mirror serves exactly as the store would be listed: entries, tables, manifests', async () => {
    await site.allow('large');
    const { status, stdout, stderr } = await allow('large');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^added {4}large:latest\nlist models version 1: 1 model, in /);
    assert.equal(readFileSync(other.list, 'utf8'), readFileSync(site.list, 'utf8'));
    for (const folder of ['chunks', 'manifests'])
      assert.deepEqual(readdirSync(other.beside(folder)), readdirSync(site.beside(folder)));
  });

  test('a model that the mirror cannot have is not listed, and nothing is written', async () => {
    const { status, stderr } = await allow('missing');
    assert.equal(status, 4);
    assert.match(stderr, /UPSTREAM_NOT_FOUND/);
    assert.equal(existsSync(other.list), false);
  });

  test('bytes that are not what the manifest says are not listed', async () => {
    await mirror.stop();
    library.mischief = ({ at, url, headers }, response) => {
      if (at !== 'store' || headers.range !== 'bytes=0-9' || !url.includes('sha256:')) return false;
      response.writeHead(206, { 'content-length': 10, 'content-range': 'bytes 0-9/10' }).end('Be silent.');
      return true;
    };
    const { status, stderr } = await other.run(
      ...['allow', 'large', '--from', library.url.href, '--allow-list', other.list],
    );
    assert.equal(status, 1);
    assert.match(stderr, /BLOB_NOT_AS_NAMED/);
    assert.equal(existsSync(other.list), false);
    mirror = await ServedMirror.start('--data', site.beside('data'), '--upstream', 'http://127.0.0.1:9');
  });

  test('needs names, and a mirror', async () => {
    assert.equal((await allow('--all')).status, 64);
    assert.equal((await other.run('allow', 'large', '--from', 'upstream')).status, 64);
    assert.equal((await allow('large', '--offline')).status, 64);
  });
});
