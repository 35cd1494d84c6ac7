import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ask, blobOf, copier, MirrorSite, ollama, said } from '../fixtures/mirror-site.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { until } from '../fixtures/until.ts';

let site: MirrorSite;
const weights = Buffer.from(patternedBytes(100_000));
const template = Buffer.from('{{ .Prompt }}');
beforeEach(async () => {
  site = await MirrorSite.start();
});
afterEach(() => site[Symbol.asyncDispose]());

const publish = (layers: Record<string, Buffer> = { model: weights, template }) =>
  site.publish('library/sample', 'latest', layers);

describe('a model that is not here yet', () => {
  test('comes with its exact manifest and all of its blobs, and is recorded', async () => {
    const model = publish();
    const admission = site.admission();
    const answer = await ask(admission, 'library/sample:latest');
    assert.deepEqual(answer, {
      kind: 'manifest',
      digest: model.digest,
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      bytes: model.manifest,
    });
    for (const blob of model.blobs) assert.ok((await blobOf(admission, blob))?.equals(blob));
    const size = model.blobs.reduce((sum, { length }) => sum + length, 0);
    assert.deepEqual(site.events, [`admitted registry.ollama.ai/library/sample:latest ${size}`]);
    assert.equal(site.records.admitted.length, 1);
    assert.equal(site.library.sent, size);
  });

  test('is answered at once for Ollama, and its ranges are held until they are verified', async () => {
    const model = publish();
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
    await until(() => admission.held === 1);
    assert.equal(site.records.admitted.length, 0);
    go();
    assert.ok((await held)?.equals(weights));
    assert.equal(model.blobs.length, 3);
  });

  test('is fetched once, however many ask, at the same time and later', async () => {
    const model = publish();
    const admission = site.admission();
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, at) =>
        ask(admission, 'library/sample:latest', at % 2 === 0 ? ollama : copier),
      ),
    );
    assert.deepEqual(new Set(answers.map(({ kind }) => kind)), new Set(['manifest']));
    await Promise.all(model.blobs.map((blob) => blobOf(admission, blob)));
    await ask(admission, 'library/sample:latest');
    assert.equal(
      site.library.sent,
      model.blobs.reduce((sum, { length }) => sum + length, 0),
    );
    assert.equal(site.library.requests.filter(({ url }) => url.includes('/manifests/')).length, 1);
  });

  test('shares blobs with another one on its way', async () => {
    publish();
    site.publish('library/other', 'latest', { model: weights, system: Buffer.from('be brief') });
    const admission = site.admission();
    await Promise.all([ask(admission, 'library/sample:latest'), ask(admission, 'library/other:latest')]);
    assert.equal(
      site.library.requests.filter(({ at, url }) => at === 'store' && url.includes('data')).length,
      4,
    );
    assert.equal(site.records.admitted.length, 2);
  });

  test('is the same under any case, and stays as it was admitted', async () => {
    const model = publish();
    const admission = site.admission();
    await ask(admission, 'library/sample:latest');
    site.publish('library/sample', 'latest', { model: Buffer.from('moved upstream') });
    for (const name of ['Library/SAMPLE:Latest', 'library/sample:latest']) {
      const answer = await ask(admission, name);
      assert.equal(answer.kind === 'manifest' && answer.digest, model.digest);
    }
  });

  test('that upstream does not have is unknown, and so is a name that Ollama could not have', async () => {
    const admission = site.admission();
    for (const name of [
      'library/absent:latest',
      '../x:y',
      'a/b/c:d',
      'library/sample:',
      `a/${'x'.repeat(81)}:t`,
    ])
      assert.deepEqual(await ask(admission, name), { kind: 'unknown' });
    assert.deepEqual(site.events, []);
  });

  test('is served from here when upstream is gone', async () => {
    const model = publish();
    await ask(site.admission(), 'library/sample:latest');
    await site.library.close();
    const later = site.admission();
    assert.equal((await ask(later, 'library/sample:latest')).kind, 'manifest');
    assert.equal((await ask(later, `library/sample@${model.digest}`)).kind, 'manifest');
    for (const blob of model.blobs) assert.ok((await blobOf(later, blob))?.equals(blob));
  });
});

describe('an upstream that lies', () => {
  test('with the right length and wrong bytes: nothing is kept, nothing is served, and it is said', async () => {
    publish();
    const wrong = Buffer.alloc(weights.length, 7);
    site.library.mischief = ({ at, headers }, response) => {
      if (at !== 'store' || headers.range !== `bytes=0-${weights.length - 1}`) return false;
      response.writeHead(206, { 'content-range': `bytes 0-${wrong.length - 1}/${wrong.length}` }).end(wrong);
      return true;
    };
    const admission = site.admission();
    assert.equal((await ask(admission, 'library/sample:latest', ollama)).kind, 'manifest');
    await assert.rejects(blobOf(admission, weights), { code: 'BLOB_NOT_AS_NAMED' });
    const again = await ask(admission, 'library/sample:latest');
    assert.match(
      said(again),
      /^unavailable: sample:latest cannot be had from upstream now: the bytes that were received/,
    );
    assert.equal(site.records.admitted.length, 0);
    assert.equal(
      await admission.blob((await import('../fixtures/blob-directory.ts')).digestOf(weights)),
      undefined,
    );
  });

  test('is asked again after a while, and then the model comes', async () => {
    publish();
    let lies = true;
    site.library.mischief = ({ at }, response) => {
      if (at !== 'store' || !lies) return false;
      response.writeHead(403).end();
      return true;
    };
    const admission = site.admission();
    assert.equal((await ask(admission, 'library/sample:latest')).kind, 'unavailable');
    lies = false;
    const asked = site.library.requests.length;
    assert.equal((await ask(admission, 'library/sample:latest')).kind, 'unavailable');
    assert.equal(site.library.requests.length, asked, 'the reason is repeated without asking upstream');
    site.data.ms += 30_000;
    assert.equal((await ask(admission, 'library/sample:latest')).kind, 'manifest');
  });

  test('is asked for each spelling of a name: what came of the spelling of a stranger says nothing of another', async () => {
    publish();
    site.library.mischief = ({ at }, response) => {
      if (at === 'store') response.writeHead(403).end();
      return at === 'store';
    };
    const admission = site.admission();
    await ask(admission, 'library/sample:latest');
    const asked = site.library.requests.length;
    assert.equal((await ask(admission, 'library/sample:latest')).kind, 'unavailable');
    assert.equal(site.library.requests.length, asked);
    assert.equal((await ask(admission, 'library/SAMPLE:latest')).kind, 'unknown');
    assert.equal((await ask(admission, 'library/sample:latest')).kind, 'unavailable');
  });

  test('with a manifest that two readers could read differently is not passed on', async () => {
    site.library.publish('library/sample', 'latest', Buffer.from('{"layers":[],"LAYERS":[]}'), []);
    const answer = await ask(site.admission(), 'library/sample:latest');
    assert.match(said(answer), /^unavailable: .*the manifest of sample:latest is not one that is passed on/);
  });
});

test('a client that does not hold is told to come back when its patience is over', async () => {
  publish();
  site.library.mischief = ({ at }) => at === 'store';
  const patience = new AbortController();
  const admission = site.admission({ after: () => patience.signal });
  const answer = ask(admission, 'library/sample:latest');
  patience.abort();
  assert.equal(said(await answer), 'unavailable: sample:latest is being fetched; try again in a few minutes');
});

test('tensor models are waited for at the manifest, also by Ollama', async () => {
  publish({ tensor: weights });
  const admission = site.admission();
  assert.equal((await ask(admission, 'library/sample:latest', ollama)).kind, 'manifest');
  assert.equal(site.records.admitted.length, 1);
});

test('without a list it fetches for this machine, and for others only when told to', async () => {
  publish();
  const afar = { ...copier, loopback: false };
  const answer = await ask(site.admission(), 'library/sample:latest', afar);
  assert.equal(
    said(answer),
    'refused: sample:latest is not here, and this mirror fetches what is on no allow-list for itself alone; ask models@corp.example',
  );
  assert.equal(
    (await ask(site.admission({ fetchUnlisted: true }), 'library/sample:latest', afar)).kind,
    'manifest',
  );
});

test('a mirror that stops keeps what it received, and the next one fetches only the rest', async () => {
  const big = Buffer.from(patternedBytes(40 * 1024 * 1024));
  publish({ model: big });
  const stop = new AbortController();
  let pieces = 0;
  site.library.mischief = ({ at }) => {
    if (at !== 'store') return false;
    pieces += 1;
    // The second piece is asked for when the first was verified: one is in flight.
    if (pieces === 2) stop.abort(new Error('stopped'));
    return pieces === 2;
  };
  const first = site.admission({ signal: stop.signal }, 1);
  assert.equal((await ask(first, 'library/sample:latest', ollama)).kind, 'manifest');
  await assert.rejects(blobOf(first, big), /^Error: stopped$/);
  site.library.mischief = undefined;
  site.library.sent = 0;
  const second = site.admission();
  assert.equal((await ask(second, 'library/sample:latest')).kind, 'manifest');
  assert.equal(site.library.sent, big.length - 16 * 1024 * 1024 + '{"model_format":"gguf"}'.length);
  assert.ok((await blobOf(second, big))?.equals(big));
});
