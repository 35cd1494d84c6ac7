import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Companions } from '../../src/allow-list/index.ts';
import { ChunkTableBuilder } from '../../src/hash/index.ts';
import { digestOf } from '../fixtures/blob-directory.ts';
import { listed } from '../fixtures/listed-model.ts';
import { listOf } from '../fixtures/listed-models.ts';
import {
  ask,
  blobOf,
  copier,
  MirrorSite,
  ollama,
  type PublishedModel,
  said,
} from '../fixtures/mirror-site.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';

let site: MirrorSite;
const name = 'registry.ollama.ai/library/sample:latest';
const weights = Buffer.from(patternedBytes(70_000));
beforeEach(async () => {
  site = await MirrorSite.start();
});
afterEach(() => site[Symbol.asyncDispose]());

const publish = (repository = 'library/sample', layers: Record<string, Buffer> = { model: weights }) =>
  site.publish(repository, 'latest', layers);

describe('with an allow-list', () => {
  test('what is listed comes; what is not is refused in one sentence, and nothing is fetched', async () => {
    const model = publish();
    publish('library/samp1e', { model: Buffer.from('look-alike') });
    site.approve(listOf({ [name]: listed(model) }, { version: 7 }));
    const admission = site.admission();
    assert.equal((await ask(admission, 'library/sample:latest')).kind, 'manifest');
    assert.ok((await blobOf(admission, weights))?.equals(weights));
    const asked = site.library.requests.length;
    const sentence =
      'samp1e:latest is not on the allow-list models version 7; did you mean sample:latest; ask models@corp.example';
    assert.equal(said(await ask(admission, 'library/samp1e:latest')), `refused: ${sentence}`);
    assert.equal(
      said(await ask(admission, 'library/elephant:1b')).startsWith('refused: elephant:1b is not on'),
      true,
    );
    assert.equal(site.library.requests.length, asked);
    assert.equal(site.records.refusals[0], `refused: ${sentence}`);
  });

  test('names are found in any case, and under the mirror that stands for the library', async () => {
    const model = publish();
    site.approve(listOf({ [name]: listed(model) }));
    const admission = site.admission();
    assert.equal((await ask(admission, 'Library/SAMPLE:Latest')).kind, 'manifest');
    assert.equal(site.library.requests[0]?.url, '/v2/library/sample/manifests/latest');
  });

  test('a tag that moved upstream is reported and never followed', async () => {
    const model = publish();
    site.approve(listOf({ [name]: listed(model) }));
    const moved = publish('library/sample', { model: Buffer.from('another model') });
    const short = (digest: string) => digest.slice(7, 19);
    assert.equal(
      said(await ask(site.admission(), 'library/sample:latest')),
      `refused: sample:latest was changed upstream: the allow-list approves ${short(model.digest)}, and upstream has ${short(moved.digest)} now; ask models@corp.example`,
    );
    assert.deepEqual(site.records.movedTags, [`${name} ${model.digest} ${moved.digest}`]);
    assert.deepEqual([site.records.admitted.length, site.library.sent], [0, 0]);
  });

  test('and its exact manifest beside it, a model comes although its tag moved', async () => {
    const model = publish();
    site.approve(listOf({ [name]: listed(model) }));
    publish('library/sample', { model: Buffer.from('another model') });
    new Companions(`${site.data.path}/allow-list.json`).putManifest(model.manifest);
    const answer = await ask(site.admission(), 'library/sample:latest');
    assert.ok(answer.kind === 'manifest' && answer.bytes.equals(model.manifest));
  });

  test('that was replaced, what it names no more is refused, its blobs too, although they are here', async () => {
    const model = publish();
    site.approve(listOf({ [name]: listed(model) }));
    const admission = site.admission();
    await ask(admission, 'library/sample:latest');
    const other = publish('library/other', { model: Buffer.from('other weights') });
    site.approve(listOf({ 'registry.ollama.ai/library/other:latest': listed(other) }, { version: 2 }));
    assert.equal((await ask(admission, 'library/sample:latest')).kind, 'refused');
    assert.deepEqual(await ask(admission, `library/sample@${model.digest}`), { kind: 'unknown' });
    assert.equal(await admission.blob(digestOf(weights)), undefined);
    assert.equal((await ask(admission, 'library/other:latest')).kind, 'manifest');
  });

  test('that approves new bytes of a name, those are fetched', async () => {
    const model = publish();
    site.approve(listOf({ [name]: listed(model) }));
    const admission = site.admission();
    await ask(admission, 'library/sample:latest');
    const moved = publish('library/sample', { model: Buffer.from('another model') });
    site.approve(listOf({ [name]: listed(moved) }, { version: 2 }));
    const answer = await ask(admission, 'library/sample:latest');
    assert.equal(answer.kind === 'manifest' && answer.digest, moved.digest);
  });

  test('that is not accepted, nothing is served, and the reason is said', async () => {
    publish();
    const admission = site.admission({ policy: 'enforce' });
    site.standing = { kind: 'refused', reason: 'its approval has expired' };
    assert.equal(
      said(await ask(admission, 'library/sample:latest')),
      'refused: the allow-list of this mirror is not accepted (its approval has expired), so nothing is served; ask models@corp.example',
    );
  });

  test('observe serves what is not listed, and notes what would have been refused', async () => {
    publish();
    site.approve(listOf({}));
    const admission = site.admission({ policy: 'observe' });
    await ask(admission, 'library/sample:latest');
    assert.equal((await ask(admission, 'library/sample:latest')).kind, 'manifest');
    assert.deepEqual(site.records.refusals, [
      'served: sample:latest is not on the allow-list models version 1; ask models@corp.example',
    ]);
  });
});

describe('with a chunk table', () => {
  const big = Buffer.from(patternedBytes(40 * 1024 * 1024));
  const piece = 16 * 1024 * 1024;

  function approveWithTable(spoil: (bytes: Uint8Array) => void = () => {}): PublishedModel {
    const model = publish('library/sample', { model: big });
    const builder = new ChunkTableBuilder(piece);
    builder.update(big);
    const table = builder.finish();
    spoil(table.bytes);
    const digest = new Companions(`${site.data.path}/allow-list.json`).putTable(table);
    const entry = listed(model);
    const [layer] = entry.layers;
    assert.ok(layer !== undefined);
    const layers = [{ ...layer, chunks: { size: piece, count: 3, table: digest } }];
    site.approve(listOf({ [name]: { ...entry, layers } }));
    return model;
  }

  test('a piece goes out as soon as it is verified, before the rest is here', async () => {
    approveWithTable();
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    site.library.mischief = async ({ at, headers }) => {
      if (at === 'store' && headers.range?.startsWith(`bytes=${2 * piece}-`)) await gate;
      return false;
    };
    const admission = site.admission();
    assert.equal((await ask(admission, 'library/sample:latest', ollama)).kind, 'manifest');
    const answer = await admission.blob(digestOf(big));
    assert.ok(answer?.kind === 'arriving');
    const open = await answer.open(piece, 2 * piece, AbortSignal.timeout(10_000));
    await open.close();
    assert.equal(site.records.admitted.length, 0);
    go();
    assert.ok((await blobOf(admission, big))?.equals(big));
  });

  test('that is not that of the bytes, the whole digest decides, and it is said', async () => {
    approveWithTable((bytes) => {
      bytes[3] = (bytes[3] ?? 0) ^ 1;
    });
    const admission = site.admission();
    assert.equal((await ask(admission, 'library/sample:latest', copier)).kind, 'manifest');
    assert.ok((await blobOf(admission, big))?.equals(big));
    assert.deepEqual(site.events[0], `table wrong ${digestOf(big)}`);
  });
});
