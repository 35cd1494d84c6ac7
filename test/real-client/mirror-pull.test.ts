import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { MirrorSite } from '../fixtures/mirror-site.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { RegistrySite } from '../fixtures/registry-site.ts';
import { blobPath, manifestPathOf } from '../fixtures/sample-store.ts';
import { findOllama } from './find-ollama.ts';
import { createModel } from './made-models.ts';
import { OllamaServer } from './ollama-server.ts';
import { checkStore } from './product.ts';

const { program, skip } = findOllama('that unmodified Ollama pulls from the mirror');

/** Puts a model of a store into the library, with its own bytes. */
function publishFrom(store: string, name: string, site: MirrorSite): void {
  const [, repository = '', tag = ''] = /^[^/]+\/(.+):([^:]+)$/.exec(name) ?? [];
  const manifest = readFileSync(manifestPathOf(store, name));
  const digests = new Set(
    [...manifest.toString().matchAll(/sha256:[0-9a-f]{64}/g)].map(([digest]) => digest),
  );
  site.library.publish(
    repository,
    tag,
    manifest,
    [...digests].map((digest) => readFileSync(blobPath(store, digest))),
  );
}

describe('the real client, pulling from the mirror', { skip }, () => {
  let source: OllamaServer;
  let client: OllamaServer;
  let mirror: RegistrySite;
  before(async () => {
    source = await OllamaServer.start(program ?? '');
    await createModel(source, 'sample');
  });
  after(() => source.stop());
  beforeEach(async () => {
    mirror = await RegistrySite.start((site) =>
      publishFrom(source.store, 'registry.ollama.ai/library/sample:latest', site),
    );
    client = await OllamaServer.start(program ?? '');
  });
  afterEach(async () => {
    await client.stop();
    await mirror[Symbol.asyncDispose]();
  });

  const pull = (name = 'library/sample') => client.ollama('pull', '--insecure', `${mirror.host}/${name}`);
  const idOf = async (server: OllamaServer) =>
    /\b[0-9a-f]{12}\b/.exec((await server.ollama('list')).output)?.[0];

  test('a model that is not here yet is one slow pull that succeeds, with the ID of the source', async () => {
    const { status, output } = await pull();
    assert.equal(status, 0, output);
    assert.match(output, /success/);
    assert.equal(await idOf(client), await idOf(source));
    assert.deepEqual((await checkStore(client.store)).findings, []);
    assert.deepEqual(mirror.errors, []);
  });

  test('and again from warm storage, when the library is gone', async () => {
    await pull();
    await mirror.site.library.close();
    await client.ollama('rm', `${mirror.host}/library/sample`);
    const { status, output } = await pull('Library/SAMPLE');
    assert.equal(status, 0, output);
    assert.equal(await idOf(client), await idOf(source));
  });

  test('then has it under its usual name with ollama cp', async () => {
    await pull();
    const { status, output } = await client.ollama('cp', `${mirror.host}/library/sample`, 'sample');
    assert.equal(status, 0, output);
    assert.match((await client.ollama('list')).output, /^sample:latest/m);
  });

  test('reads why a model is refused, in one sentence', async () => {
    mirror.site.standing = { kind: 'refused', reason: 'its approval has expired' };
    await mirror[Symbol.asyncDispose]();
    mirror = await RegistrySite.start(
      (site) => {
        site.standing = { kind: 'refused', reason: 'its approval has expired' };
      },
      { policy: 'enforce' },
    );
    const { status, output } = await pull();
    assert.notEqual(status, 0);
    assert.match(
      output,
      /Error: pull model manifest: 403: the allow-list of this mirror is not accepted \(its approval has expired\), so nothing is served; ask models@corp\.example \(request [0-9a-f]{8}\)/,
    );
  });

  test('a model of blobs above 100 MB comes in several parts', async () => {
    const weights = Buffer.from(patternedBytes(230_000_000));
    mirror.site.publish('library/large', 'latest', { model: weights });
    const { status, output } = await pull('library/large');
    assert.equal(status, 0, output);
    const ranged = mirror.records.filter(({ kind, status: code }) => kind === 'blob' && code === 206);
    assert.equal(ranged.length >= 4, true, `${ranged.length} ranges`);
    assert.deepEqual(
      (await checkStore(client.store)).findings.filter(({ bit }) => bit !== 0),
      [],
    );
  });
});
