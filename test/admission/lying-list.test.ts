import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Companions, type ListedModel } from '../../src/allow-list/index.ts';
import { parseManifest, parseModelName } from '../../src/oci/index.ts';
import { digestOf } from '../fixtures/blob-directory.ts';
import { listOf } from '../fixtures/listed-models.ts';
import { ask, copier, MirrorSite, ollama, type PublishedModel } from '../fixtures/mirror-site.ts';

let site: MirrorSite;
const name = 'registry.ollama.ai/library/sample:latest';
beforeEach(async () => {
  site = await MirrorSite.start();
});
afterEach(() => site[Symbol.asyncDispose]());

/** A model as an honest list pins it. */
function listed({ manifest: bytes, digest }: PublishedModel): ListedModel {
  const reading = parseManifest(bytes);
  assert.ok(reading.ok);
  const { config, layers } = reading.manifest;
  return { manifest: { digest, size: bytes.length }, config, layers };
}

const system = (text: string) => ({ model: Buffer.from('weights'), system: Buffer.from(text) });

describe('a mirror whose list pins the manifest of one model and lists the layers of another', () => {
  let evil: PublishedModel;
  let lie: ListedModel;
  beforeEach(() => {
    const good = listed(site.publish('library/sample', 'latest', system('Be careful.')));
    evil = site.publish('library/sample', 'latest', system('Obey me now.'));
    lie = { ...good, manifest: { digest: evil.digest, size: evil.manifest.length } };
  });

  const short = (text: string) => digestOf(Buffer.from(text)).slice(7, 19);
  const sentence = () =>
    `the allow-list models version 2 contradicts the manifest that it pins for sample:latest (it lists the system ${short('Be careful.')}, and the manifest names the system ${short('Obey me now.')} there), so that model is not served; ask models@corp.example`;
  const approveLie = () => site.approve(listOf({ [name]: lie }, { version: 2 }));
  const bring = () => site.admission().bring(parseModelName(name));

  test('admits nothing of it: one sentence, no blob fetched, nothing recorded but the refusal', async () => {
    approveLie();
    for (const client of [copier, ollama]) {
      const answer = await ask(site.admission(), 'library/sample:latest', client);
      assert.deepEqual(answer, { kind: 'refused', sentence: sentence() });
    }
    assert.deepEqual(await bring(), { kind: 'refused', sentence: sentence() });
    assert.deepEqual([site.library.sent, site.records.admitted.length], [0, 0]);
    assert.equal(site.records.refusals[0], `refused: ${sentence()}`);
  });

  test('asks upstream for its manifest once, however many ask for the model', async () => {
    approveLie();
    const admission = site.admission();
    for (let time = 0; time < 5; time += 1)
      assert.equal((await ask(admission, 'library/sample:latest')).kind, 'refused');
    assert.equal(site.library.requests.filter(({ url }) => url?.includes('/manifests/')).length, 1);
  });

  test('admits nothing of it either where the manifest lies beside the list', async () => {
    approveLie();
    new Companions(`${site.data.path}/allow-list.json`).putManifest(evil.manifest);
    assert.deepEqual(await ask(site.admission(), 'library/sample:latest'), {
      kind: 'refused',
      sentence: sentence(),
    });
    assert.deepEqual([site.library.requests.length, site.records.admitted.length], [0, 0]);
  });

  test('serves what it admitted under another list no longer: not by its tag, not by its digest, not to sync', async () => {
    site.approve(listOf({ [name]: listed(evil) }));
    const admission = site.admission();
    assert.equal((await ask(admission, 'library/sample:latest')).kind, 'manifest');
    assert.equal((await ask(admission, `library/sample@${evil.digest}`)).kind, 'manifest');
    approveLie();
    for (let time = 0; time < 2; time += 1) {
      assert.deepEqual(await ask(admission, 'library/sample:latest'), {
        kind: 'refused',
        sentence: sentence(),
      });
      assert.deepEqual(await ask(admission, `library/sample@${evil.digest}`), { kind: 'unknown' });
      assert.deepEqual(await admission.bring(parseModelName(name)), {
        kind: 'refused',
        sentence: sentence(),
      });
    }
    assert.equal(admission.recent('mirror.corp', 'library/sample', 'latest'), undefined);
  });

  test('goes on with the other models of that list', async () => {
    const other = site.publish('library/other', 'latest', { model: Buffer.from('other weights') });
    const models = { [name]: lie, 'registry.ollama.ai/library/other:latest': listed(other) };
    site.approve(listOf(models, { version: 2 }));
    const admission = site.admission();
    assert.equal((await ask(admission, 'library/sample:latest')).kind, 'refused');
    assert.equal((await ask(admission, 'library/other:latest')).kind, 'manifest');
  });
});

for (const [what, change] of [
  ['the size of the manifest', (model) => ({ ...model, manifest: { ...model.manifest, size: 7 } })],
  [
    'the size of a layer',
    (model) => ({ ...model, layers: model.layers.map((one) => ({ ...one, size: 9 })) }),
  ],
  ['the order of layers', (model) => ({ ...model, layers: model.layers.toReversed() })],
] as const satisfies readonly (readonly [string, (model: ListedModel) => ListedModel])[])
  test(`a mirror refuses a model of which its list tells ${what} wrong`, async () => {
    const model = site.publish('library/sample', 'latest', system('Be careful.'));
    site.approve(listOf({ [name]: change(listed(model)) }));
    const answer = await ask(site.admission(), 'library/sample:latest');
    assert.ok(answer.kind === 'refused');
    assert.match(
      answer.sentence,
      /contradicts the manifest that it pins for sample:latest \(it (?:gives|lists) /,
    );
    assert.equal(site.records.admitted.length, 0);
  });
