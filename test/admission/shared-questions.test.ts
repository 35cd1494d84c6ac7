import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { listed } from '../fixtures/listed-model.ts';
import { listOf } from '../fixtures/listed-models.ts';
import { ask, blobOf, copier, MirrorSite, ollama, said } from '../fixtures/mirror-site.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { until } from '../fixtures/until.ts';

const weights = Buffer.from(patternedBytes(60_000));
const name = 'registry.ollama.ai/library/good:latest';
const stranger = { ...ollama, address: '10.6.6.6' };
const customer = { ...ollama, address: '10.0.0.1' };

describe('what one client asked for first', () => {
  let site: MirrorSite;
  let go = () => {};
  beforeEach(async () => {
    site = await MirrorSite.start();
  });
  afterEach(() => site[Symbol.asyncDispose]());

  /** No blob comes before `go`. */
  function shut(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    go = resolve;
    site.library.mischief = async ({ at }) => {
      if (at === 'store') await promise;
      return false;
    };
  }
  const publish = (model: string) =>
    site.publish(`library/${model}`, 'latest', { model: Buffer.from(model) });

  test('and too much of, is its own matter: nobody else hears that the queue is full', async () => {
    for (const model of ['a', 'b', 'c', 'good']) publish(model);
    const admission = site.admission({ queue: { running: 1, waiting: 100, waitingEach: 2 } });
    shut();
    for (const model of ['a', 'b', 'c']) await ask(admission, `library/${model}:latest`, stranger);
    assert.equal(
      said(await ask(admission, 'library/good:latest', stranger)),
      'unavailable: good:latest cannot be had from upstream now: 2 models wait to be fetched already',
    );
    assert.equal((await ask(admission, 'library/good:latest', customer)).kind, 'manifest');
    go();
    assert.equal((await blobOf(admission, Buffer.from('good')))?.toString(), 'good');
  });

  test('does not wait in its line alone: who asks for the same later has a place in a line of his own', async () => {
    const models = ['a', 'b', 'c', 'd', 'good'];
    for (const model of models) publish(model);
    const admission = site.admission({ queue: { running: 1, waiting: 100, waitingEach: 50 } });
    shut();
    for (const model of models) await ask(admission, `library/${model}:latest`, stranger);
    assert.equal((await ask(admission, 'library/good:latest', customer)).kind, 'manifest');
    go();
    await until(() => site.events.length === 5);
    const order = site.events.map((event) => /library\/(\w+):/.exec(event)?.[1]);
    assert.deepEqual(order, ['a', 'b', 'good', 'c', 'd']);
  });

  test('of many names at once is bounded, before upstream is asked for one of them', async () => {
    const admission = site.admission({ queue: { running: 1, waiting: 100, waitingEach: 5 } });
    const { promise, resolve } = Promise.withResolvers<void>();
    site.library.mischief = async () => {
      await promise;
      return false;
    };
    const asked = Array.from({ length: 20 }, (_, at) => ask(admission, `library/none${at}:latest`, stranger));
    await until(() => site.library.requests.length === 5);
    resolve();
    const kinds = (await Promise.all(asked)).map(({ kind }) => kind);
    assert.deepEqual([kinds.filter((kind) => kind === 'unknown').length, kinds.length], [5, 20]);
    assert.equal(site.library.requests.length, 5);
    // They are over, and do not count any more.
    assert.equal((await ask(admission, 'library/none7:latest', stranger)).kind, 'unknown');
  });

  test('under an older list is not what is answered under a newer one', async () => {
    const before = site.publish('library/good', 'latest', { model: weights });
    site.approve(listOf({ [name]: listed(before) }));
    const admission = site.admission();
    shut();
    const old = await ask(admission, 'library/good:latest', ollama);
    assert.equal(old.kind === 'manifest' && old.digest, before.digest);
    const after = site.publish('library/good', 'latest', { model: Buffer.from('what is approved now') });
    site.approve(listOf({ [name]: listed(after) }, { version: 2 }));
    const now = await ask(admission, 'library/good:latest', ollama);
    assert.equal(now.kind === 'manifest' && now.digest, after.digest);
    assert.equal(await blobOf(admission, weights), undefined);
    go();
    await until(() => site.events.length === 2);
  });

  test('in another spelling, which upstream does not have, says nothing of the right one', async () => {
    publish('good');
    const admission = site.admission();
    assert.equal((await ask(admission, 'LIBRARY/good:latest', stranger)).kind, 'unknown');
    assert.equal((await ask(admission, 'library/good:latest', customer)).kind, 'manifest');
    await until(() => site.events.length === 1);
    assert.equal((await ask(admission, 'LIBRARY/Good:Latest', stranger)).kind, 'manifest');
  });
});

describe('a name that upstream does not have', () => {
  let site: MirrorSite;
  beforeEach(async () => {
    site = await MirrorSite.start();
  });
  afterEach(() => site[Symbol.asyncDispose]());

  test('is not asked for again at once, and is after half a minute', async () => {
    const admission = site.admission();
    for (let turn = 0; turn < 5; turn += 1)
      assert.equal((await ask(admission, 'library/absent:latest', copier)).kind, 'unknown');
    assert.equal(site.library.requests.length, 1);
    site.data.ms += 29_999;
    await ask(admission, 'library/absent:latest');
    assert.equal(site.library.requests.length, 1);
    site.publish('library/absent', 'latest', { model: weights });
    site.data.ms += 1;
    assert.equal((await ask(admission, 'library/absent:latest')).kind, 'manifest');
    assert.equal(site.library.requests.filter(({ url }) => url.includes('/manifests/')).length, 2);
  });

  test('is asked for by whoever runs the mirror, and served as soon as it is here', async () => {
    const admission = site.admission();
    await ask(admission, 'library/late:latest');
    site.publish('library/late', 'latest', { model: weights });
    assert.equal((await ask(admission, 'library/late:latest')).kind, 'unknown');
    assert.equal(
      await admission.bring({
        host: 'registry.ollama.ai',
        namespace: 'library',
        model: 'late',
        tag: 'latest',
      }),
      'fetched',
    );
    assert.equal((await ask(admission, 'library/late:latest')).kind, 'manifest');
  });

  test('and is listed now, is asked for under its list: another question', async () => {
    const admission = site.admission({ policy: 'observe' });
    assert.equal((await ask(admission, 'library/good:latest')).kind, 'unknown');
    site.approve(listOf({ [name]: listed(site.publish('library/good', 'latest', { model: weights })) }));
    assert.equal((await ask(admission, 'library/good:latest')).kind, 'manifest');
  });

  test('is forgotten when ten thousand others were asked for, so that nothing grows', async () => {
    const admission = site.admission({ queue: { running: 2, waiting: 100, waitingEach: 100 } });
    await ask(admission, 'library/first:latest');
    let at = 0;
    const one = async () => {
      for (at += 1; at <= 10_000; at += 1) await ask(admission, `library/none${at}:latest`);
    };
    await Promise.all(Array.from({ length: 8 }, one));
    const asked = site.library.requests.length;
    await ask(admission, 'library/first:latest');
    assert.equal(site.library.requests.length, asked + 1);
  });

  test('a blob that upstream does not have is the failure of its model, which is told and not asked again', async () => {
    const model = site.publish('library/half', 'latest', { model: weights });
    const admission = site.admission();
    site.library.mischief = ({ at }, response) => {
      if (at === 'store') response.writeHead(404).end();
      return at === 'store';
    };
    for (let turn = 0; turn < 3; turn += 1)
      assert.match(
        said(await ask(admission, 'library/half:latest')),
        /^unavailable: half:latest cannot be had .* does not have it$/,
      );
    assert.equal(site.library.requests.filter(({ url }) => url.includes('/manifests/')).length, 1);
    assert.ok(model.blobs.length > 0);
  });
});
