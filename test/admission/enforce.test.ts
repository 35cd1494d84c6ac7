import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Companions } from '../../src/allow-list/index.ts';
import { ChunkTableBuilder } from '../../src/hash/index.ts';
import { parseModelName } from '../../src/oci/index.ts';
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
import { until } from '../fixtures/until.ts';

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

  test('an alias stands for one host, once, and is found in any case', async () => {
    const model = publish();
    const aliases = new Map([
      ['Mirror.Corp', 'registry.ollama.ai'],
      ['old.corp', 'elsewhere.ai'],
    ]);
    site.approve(listOf({ [name]: listed(model) }, { aliases }));
    const standing = site.standing;
    assert.ok(standing.kind === 'accepted');
    const find = (text: string) => standing.approved.find(parseModelName(text))?.listedAs;
    for (const host of ['mirror.corp', 'MIRROR.CORP', 'Mirror.Corp', 'Registry.Ollama.AI'])
      assert.equal(find(`${host}/library/sample:latest`), name);
    for (const host of ['old.corp', 'elsewhere.ai', 'mirror.corp.example'])
      assert.equal(find(`${host}/library/sample:latest`), undefined);
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

  test('a tag that moved is asked for upstream once in half a minute, whoever asks and in whatever spelling', async () => {
    site.approve(listOf({ [name]: listed(publish()) }));
    publish('library/sample', { model: Buffer.from('another model') });
    const admission = site.admission();
    const first = await ask(admission, 'library/sample:latest');
    for (let at = 0; at < 100; at += 1)
      assert.deepEqual(
        await ask(admission, at % 2 ? 'Library/Sample:LATEST' : 'library/sample:latest'),
        first,
      );
    assert.deepEqual([site.library.requests.length, site.records.movedTags.length], [1, 1]);
    site.data.ms += 30_000;
    await ask(admission, 'library/sample:latest');
    assert.equal(site.library.requests.length, 2);
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

  test('that ends while a model of it is on its way, no range of that model is given out any more', async () => {
    site.approve(listOf({ [name]: listed(publish()) }));
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    site.library.mischief = async ({ at }) => {
      if (at === 'store') await gate;
      return false;
    };
    const admission = site.admission();
    assert.equal((await ask(admission, 'library/sample:latest', ollama)).kind, 'manifest');
    const held = blobOf(admission, weights);
    const waiting = ask(admission, 'library/sample:latest', copier);
    await until(() => admission.held === 1);
    site.standing = { kind: 'refused', reason: 'its approval has expired' };
    assert.equal(await admission.blob(digestOf(weights)), undefined);
    go();
    await assert.rejects(held, { code: 'LIST_NOT_ACCEPTED' });
    assert.equal((await waiting).kind, 'refused');
  });

  test('that approves other bytes of a name, while the old ones are on their way: the new ones are given', async () => {
    site.approve(listOf({ [name]: listed(publish()) }));
    site.library.mischief = ({ at, headers }) =>
      at === 'store' && headers.range === `bytes=0-${weights.length - 1}`;
    const admission = site.admission();
    assert.equal((await ask(admission, 'library/sample:latest', ollama)).kind, 'manifest');
    const other = publish('library/sample', { model: Buffer.from('another model') });
    site.approve(listOf({ [name]: listed(other) }, { version: 2 }));
    const answer = await ask(admission, 'library/sample:latest', ollama);
    assert.equal(answer.kind === 'manifest' && answer.digest, other.digest);
  });

  test('that is replaced while an answer is made by it: that answer is not given again', async () => {
    site.approve(listOf({ [name]: listed(publish()) }));
    const admission = site.admission();
    await ask(admission, 'library/sample:latest');
    const find = site.records.find.bind(site.records);
    site.records.find = async (asked) => {
      const found = await find(asked);
      site.approve(listOf({}, { version: 2 }));
      return found;
    };
    await ask(admission, 'library/sample:latest');
    assert.equal(admission.recent('mirror.corp', 'library/sample', 'latest'), undefined);
    assert.equal((await ask(admission, 'library/sample:latest')).kind, 'refused');
  });

  test('is looked at before it is answered by, once a date of it has come', async () => {
    site.approve(listOf({ [name]: listed(publish()) }));
    let isDue = false;
    const admission = site.admission({
      isListDue: () => isDue,
      async lookAtList() {
        isDue = false;
        site.standing = { kind: 'refused', reason: 'its approval has expired' };
      },
    });
    await ask(admission, 'library/sample:latest');
    await ask(admission, 'library/sample:latest');
    const recent = () => admission.recent('mirror.corp', 'library/sample', 'latest');
    const { standing } = site;
    for (const asked of [
      async () => (await ask(admission, 'library/sample:latest')).kind,
      async () => (await admission.blob(digestOf(weights)))?.kind ?? 'unknown',
      async () => recent()?.kind ?? 'unknown',
      async () => {
        const { digest } = site.records.admitted[0] ?? assert.fail();
        return (await ask(admission, `library/sample@${digest}`)).kind;
      },
    ]) {
      site.standing = standing;
      isDue = true;
      assert.match(await asked(), /^(?:refused|unknown)$/);
    }
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
