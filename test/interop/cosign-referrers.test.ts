import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LibraryStandIn } from '../fixtures/library-stand-in.ts';
import { type SampleModel, sampleLayers, sha256 } from '../fixtures/sample-store.ts';
import { publishFrom, ServedMirror } from '../fixtures/served-mirror.ts';
import { SignedSite } from '../fixtures/signed-site.ts';
import { Cosign, findCosign } from './cosign.ts';

const { program, skip } = findCosign('that cosign finds an approval through the referrers of the mirror');

interface Index {
  readonly mediaType: string;
  readonly manifests: readonly { readonly digest: string; readonly artifactType: string }[];
}

describe('approvals as OCI referrers', () => {
  const site = new SignedSite();
  const data = mkdtempSync(join(tmpdir(), 'vm-'));
  let library: LibraryStandIn;
  let mirror: ServedMirror;
  let model: SampleModel;
  before(async () => {
    model = site.scratch.addModel();
    site.scratch.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Another one.\n'));
    await site.allow('--all');
    await site.sign('alice', '--subjects');
    library = await LibraryStandIn.start();
    for (const name of ['sample:latest', 'other:latest'])
      publishFrom(library, site.store, `registry.ollama.ai/library/${name}`);
    mirror = await ServedMirror.start(
      ...['--data', data, '--upstream', library.url.href.replace(/\/$/, '')],
      ...['--allow-list', site.list, '--key', site.key('alice').pub],
    );
  });
  after(async () => {
    await mirror.stop();
    await library.close();
    site.remove();
    rmSync(data, { recursive: true, force: true });
  });

  const digest = () => sha256(readFileSync(model.manifestPath));
  const referrers = async (subject: string, query = '') =>
    (await (await fetch(`${mirror.url}/v2/library/sample/referrers/${subject}${query}`)).json()) as Index;

  test('the manifest that an approval names has it as a referrer, with its artifact and its bundle', async () => {
    const { mediaType, manifests } = await referrers(digest());
    assert.equal(mediaType, 'application/vnd.oci.image.index.v1+json');
    assert.deepEqual(
      manifests.map(({ artifactType }) => artifactType),
      ['application/vnd.dev.sigstore.bundle.v0.3+json'],
    );
    const found = manifests[0]?.digest ?? '';
    const artifact = await (await fetch(`${mirror.url}/v2/library/sample/manifests/${found}`)).text();
    assert.equal(sha256(Buffer.from(artifact)), found);
    const { layers, subject, config } = JSON.parse(artifact) as {
      readonly layers: readonly { readonly digest: string }[];
      readonly subject: { readonly digest: string };
      readonly config: { readonly digest: string };
    };
    assert.equal(subject.digest, digest());
    const blob = async (wanted: string) =>
      (await fetch(`${mirror.url}/v2/library/sample/blobs/${wanted}`)).text();
    assert.equal(await blob(config.digest), '{}');
    assert.equal(await blob(layers[0]?.digest ?? ''), readFileSync(site.approvals, 'utf8').trim());
  });

  test('a filter by artifact type is applied, and a manifest that no approval names has none', async () => {
    const filtered = await referrers(digest(), '?artifactType=application/spdx%2Bjson');
    assert.deepEqual(filtered.manifests, []);
    assert.deepEqual((await referrers(`sha256:${'0'.repeat(64)}`)).manifests, []);
  });

  describe('as stock cosign sees them', { skip }, () => {
    const verify = (cosign: Cosign, pub: string, name: string) =>
      cosign.run([
        ...['verify-attestation', '--key', pub, '--insecure-ignore-tlog', '--allow-http-registry'],
        ...['--type', 'urn:verify-models:allow-list:v1', `${mirror.host}/library/${name}`],
      ]);

    test('verify-attestation finds the approval of a model and holds it against the key', async () => {
      const cosign = new Cosign(program ?? '', site.beside('cosign'));
      for (const name of ['sample:latest', 'other:latest']) {
        const { ok, said } = await verify(cosign, site.key('alice').pub, name);
        assert.ok(ok, said);
        assert.match(said, /The signatures were verified against the specified public key/);
      }
    });

    test('and refuses it under another key', async () => {
      const cosign = new Cosign(program ?? '', site.beside('cosign'));
      const { ok, said } = await verify(cosign, site.key('mallory').pub, 'sample:latest');
      assert.equal(ok, false, said);
    });
  });
});
