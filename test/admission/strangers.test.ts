import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Admission } from '../../src/admission/index.ts';
import { digestOf } from '../fixtures/blob-directory.ts';
import { listed } from '../fixtures/listed-model.ts';
import { listOf } from '../fixtures/listed-models.ts';
import { ask, blobOf, MirrorSite, ollama, said } from '../fixtures/mirror-site.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { until } from '../fixtures/until.ts';

const weights = Buffer.from(patternedBytes(100_000));
const cold = Buffer.from(patternedBytes(50_000, 5));
const short = (bytes: Buffer) => digestOf(bytes).slice(7, 19);

/** A manifest that gives the digest of some bytes the size it likes. */
const lying = (bytes: Buffer, size: number, more: readonly Buffer[] = []) =>
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      config: {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        digest: digestOf(Buffer.from('{}')),
        size: 2,
      },
      layers: [
        ...more.map((one) => ({
          mediaType: 'application/vnd.ollama.image.system',
          digest: digestOf(one),
          size: one.length,
        })),
        { mediaType: 'application/vnd.ollama.image.model', digest: digestOf(bytes), size },
      ],
    }),
  );

describe("a stranger's model", () => {
  let site: MirrorSite;
  let go = () => {};
  beforeEach(async () => {
    site = await MirrorSite.start();
    site.publish('library/good', 'latest', { model: weights });
  });
  afterEach(() => site[Symbol.asyncDispose]());

  /** Bytes of the cold blob do not come before `go`. */
  function shut(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    go = resolve;
    site.library.mischief = async ({ at, url }) => {
      if (at === 'store' && url.includes(digestOf(cold))) await promise;
      return false;
    };
  }
  const manifestOf = async (admission: Admission, name = 'library/good:latest') =>
    (await ask(admission, name)).kind;

  test('that names a blob which is here does not hold it up: it is served from storage meanwhile', async () => {
    const admission = site.admission();
    assert.equal(await manifestOf(admission), 'manifest');
    site.publish('library/evil', 'latest', { system: cold, model: weights });
    shut();
    assert.equal((await ask(admission, 'library/evil:latest', ollama)).kind, 'manifest');
    const answer = await admission.blob(digestOf(weights));
    assert.deepEqual([answer?.kind, answer?.size], ['stored', weights.length]);
    assert.ok((await blobOf(admission, weights))?.equals(weights));
    go();
    await until(() => site.events.length === 2);
  });

  test('nor a blob that is verified here, and named by no admitted model yet', async () => {
    const admission = site.admission({ queue: { running: 1, waiting: 10, waitingEach: 10 } });
    site.publish('library/slow', 'latest', { model: cold });
    site.publish('library/first', 'latest', { model: weights, system: cold });
    shut();
    assert.equal((await ask(admission, 'library/first:latest', ollama)).kind, 'manifest');
    assert.ok((await blobOf(admission, weights))?.equals(weights));
    // Its turn has not come, and what lies here is readable all the same.
    assert.equal((await ask(admission, 'library/good:latest', ollama)).kind, 'manifest');
    assert.ok((await blobOf(admission, weights))?.equals(weights));
    go();
    await until(() => site.events.length === 2);
  });

  test('that gives it another size is refused in one sentence, and nothing of it is fetched', async () => {
    const admission = site.admission();
    await manifestOf(admission);
    site.library.publish('library/evil', 'latest', lying(weights, 5, [cold]), [cold]);
    const asked = site.library.sent;
    const answer = await ask(admission, 'library/evil:latest', ollama);
    assert.equal(
      said(answer),
      `refused: evil:latest gives the blob ${short(weights)} 5 bytes, and the verified blob has 100000, so nothing is fetched; ask models@corp.example`,
    );
    // Asked again, neither upstream is nor the log gets another record.
    const requests = site.library.requests.length;
    assert.equal(said(await ask(admission, 'library/evil:latest', ollama)), said(answer));
    assert.equal(site.library.requests.length, requests);
    assert.deepEqual(site.records.refusals, [said(answer)]);
    assert.equal((await admission.blob(digestOf(weights)))?.size, weights.length);
    assert.equal(await manifestOf(admission), 'manifest');
    assert.equal(site.library.sent, asked);
  });

  test('that gives a blob on its way another size has to wait until it is known which of them is right', async () => {
    const admission = site.admission();
    site.publish('library/right', 'latest', { model: cold });
    site.library.publish('library/evil', 'latest', lying(cold, 5), []);
    shut();
    assert.equal((await ask(admission, 'library/right:latest', ollama)).kind, 'manifest');
    assert.equal(
      said(await ask(admission, 'library/evil:latest', ollama)),
      `unavailable: evil:latest gives the blob ${short(cold)} 5 bytes, and right:latest, which is on its way, gives it 50000; try again in a few minutes`,
    );
    assert.equal((await admission.blob(digestOf(cold)))?.size, cold.length);
    go();
    await until(() => site.events.length === 1);
    assert.match(
      said(await ask(admission, 'library/evil:latest')),
      /^refused: .* and the verified blob has 50000,/,
    );
  });

  test('that came first with a wrong size gives way to a listed one at once', async () => {
    const right = site.publish('library/right', 'latest', { model: cold });
    site.library.publish('library/evil', 'latest', lying(cold, 60_000), []);
    site.approve(listOf({ 'registry.ollama.ai/library/right:latest': listed(right) }));
    const admission = site.admission({ policy: 'observe' });
    shut();
    assert.equal((await ask(admission, 'library/evil:latest', ollama)).kind, 'manifest');
    assert.equal((await admission.blob(digestOf(cold)))?.size, 60_000);
    assert.equal((await ask(admission, 'library/right:latest', ollama)).kind, 'manifest');
    assert.equal((await admission.blob(digestOf(cold)))?.size, cold.length);
    go();
    assert.ok((await blobOf(admission, cold))?.equals(cold));
    await until(() => site.events.length === 2);
    assert.match(site.events.join('\n'), /failed .*evil:latest the list gives the blob/);
    assert.equal(await manifestOf(admission, 'library/right:latest'), 'manifest');
  });

  test('that fails takes no blob from another one that waits for it', async () => {
    const admission = site.admission({ queue: { running: 1, waiting: 10, waitingEach: 10 } });
    const missing = Buffer.from('not in the library');
    site.library.publish('library/evil', 'latest', lying(missing, missing.length, [cold]), [cold]);
    site.publish('library/other', 'latest', { model: cold });
    shut();
    assert.equal((await ask(admission, 'library/evil:latest', ollama)).kind, 'manifest');
    assert.equal((await ask(admission, 'library/other:latest', ollama)).kind, 'manifest');
    const held = blobOf(admission, cold);
    go();
    assert.ok((await held)?.equals(cold));
    assert.equal((await ask(admission, 'library/other:latest')).kind, 'manifest');
    assert.match(said(await ask(admission, 'library/evil:latest')), /^unavailable: .* does not have it$/);
  });

  test('whose source fails or sends other bytes is no reason for another one to fail: its own source is asked', async () => {
    for (const [turn, answer] of [403, 500, 'other bytes'].entries()) {
      const shared = Buffer.from(patternedBytes(40_000 + turn));
      for (const name of ['evil', 'honest'])
        site.publish(`library/${name}${turn}`, 'latest', {
          model: shared,
          system: Buffer.from(`${name}${turn}`),
        });
      const { promise: gate, resolve: open } = Promise.withResolvers<void>();
      let asked = 0;
      site.library.mischief = async ({ at, url }, response) => {
        if (at !== 'library' || !url.includes(`evil${turn}/blobs/${digestOf(shared)}`)) return false;
        asked += 1;
        await gate;
        if (typeof answer === 'number') response.writeHead(answer).end();
        else {
          const range = `bytes 0-${shared.length - 1}/${shared.length}`;
          response.writeHead(206, { 'content-range': range }).end(Buffer.alloc(shared.length, 7));
        }
        return true;
      };
      const admission = site.admission({ queue: { running: 2, waiting: 10, waitingEach: 10 } });
      assert.equal((await ask(admission, `library/evil${turn}:latest`, ollama)).kind, 'manifest');
      await until(() => asked === 1);
      assert.equal((await ask(admission, `library/honest${turn}:latest`, ollama)).kind, 'manifest');
      const held = blobOf(admission, shared);
      open();
      assert.ok((await held)?.equals(shared));
      assert.equal((await ask(admission, `library/honest${turn}:latest`)).kind, 'manifest', `${answer}`);
    }
  });

  test('that left other bytes behind, cut before their end, does not spoil the download of the next', async () => {
    const large = Buffer.from(patternedBytes(20 * 1024 * 1024));
    const piece = 16 * 1024 * 1024;
    site.publish('library/large', 'latest', { model: large });
    site.publish('library/evil', 'latest', { model: large });
    const ranges: string[] = [];
    site.library.mischief = ({ at, url, headers }, response) => {
      if (at === 'store' && url.includes(digestOf(large))) ranges.push(headers.range ?? '');
      if (at !== 'library' || !url.includes(`evil/blobs/${digestOf(large)}`)) return false;
      const [, first = '0', last = '0'] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
      const range = `bytes ${first}-${last}/${large.length}`;
      if (Number(first) > 0) response.writeHead(403).end();
      else response.writeHead(206, { 'content-range': range }).end(Buffer.alloc(Number(last) + 1, 7));
      return true;
    };
    const admission = site.admission({}, 1);
    assert.match(
      said(await ask(admission, 'library/evil:latest')),
      /^unavailable: .*: the upstream .* refuses/,
    );
    assert.equal((await ask(admission, 'library/large:latest')).kind, 'manifest');
    assert.ok((await blobOf(admission, large))?.equals(large));
    const end = large.length - 1;
    // The rest behind what was left; then, since the whole is not what it should be, all of it.
    assert.deepEqual(ranges, [`bytes=${piece}-${end}`, `bytes=0-${piece - 1}`, `bytes=${piece}-${end}`]);
  });

  test('whose manifest gives one blob two sizes is refused for that', async () => {
    const twice = lying(weights, 5, [weights]);
    site.library.publish('library/evil', 'latest', twice, []);
    assert.equal(
      said(await ask(site.admission(), 'library/evil:latest')),
      `unavailable: evil:latest cannot be had from upstream now: the manifest of evil:latest is not one that is passed on: it gives ${short(weights)} two sizes, 100000 and 5`,
    );
  });
});
