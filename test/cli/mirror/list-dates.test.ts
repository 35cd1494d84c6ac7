/** What expires does not stay in force in a mirror that runs: it is what it would be if the mirror started at that date. */
import assert from 'node:assert/strict';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Catalog } from '../../../src/catalog/index.ts';
import { MirrorCommands } from '../../fixtures/mirror-command.ts';
import { agents, ask } from '../../fixtures/raw-http.ts';
import { type SampleModel, sha256 } from '../../fixtures/sample-store.ts';
import { publishFrom, ServedMirror } from '../../fixtures/served-mirror.ts';
import { SignedSite } from '../../fixtures/signed-site.ts';
import { until } from '../../fixtures/until.ts';

const sample = 'registry.ollama.ai/library/sample:latest';
const byTag = '/v2/library/sample/manifests/latest';
const day = 86_400_000;

describe('a list in force in a running mirror', () => {
  let site: SignedSite;
  let place: MirrorCommands;
  let model: SampleModel;
  let mirror: ServedMirror;
  beforeEach(async () => {
    site = new SignedSite();
    place = await MirrorCommands.start();
    model = site.scratch.addModel();
    publishFrom(place.library, site.store, sample);
  });
  afterEach(async () => {
    await mirror.stop();
    site.remove();
    await place[Symbol.asyncDispose]();
  });

  const byKey = () => ['--key', site.key('alice').pub];
  const byPolicy = () => ['--trust', site.trust];
  const start = async (trust: readonly string[], ...words: string[]) => {
    mirror = await ServedMirror.start(...place.places, '--allow-list', site.list, ...trust, ...words);
  };
  const get = async (path = byTag) => {
    const port = Number(mirror.host.split(':')[1]);
    // Not Ollama: it would be answered before the model is here.
    const { status, body } = await ask(port, path, agents.ranges);
    return { status, text: body.toString() };
  };
  const status = async (path = byTag) => (await get(path)).status;
  /** The mirror's clock is so many days, and milliseconds, after its start. */
  let passed = 0;
  beforeEach(() => {
    passed = 0;
  });
  const at = (days: number, ms = 0) => {
    mirror.io.jump(days * day + ms - passed);
    passed = days * day + ms;
  };
  const events = async () => {
    await mirror.stop();
    const catalog = await Catalog.open(join(place.data, 'catalog.sqlite'), () => new Date());
    const rows = await catalog.audit(0, 1000);
    await catalog.close();
    return rows.map(({ event }) => JSON.parse(event));
  };

  test('is none at the moment its approval expires: nothing of it is served, by tag, by digest or by blob', async () => {
    await site.approve('--expires', '10');
    await start(byKey());
    assert.equal(await status(), 200);
    const digest = sha256(Buffer.from(model.manifest));
    const paths = [
      byTag,
      `/v2/library/sample/manifests/${digest}`,
      `/v2/library/sample/blobs/${model.digest('model')}`,
    ];
    at(10, -1);
    for (const path of paths) assert.equal(await status(path), 200, path);
    at(10);
    assert.deepEqual(await Promise.all(paths.map(status)), [403, 404, 404]);
    assert.match(
      (await get()).text,
      /the allow-list of this mirror is not accepted \(the allow-list is not accepted: its approval expired on 2026-09-11T00:00:00\.000Z\), so nothing is served/,
    );
    const [ended] = (await events()).filter(({ kind }) => kind === 'list-ended');
    assert.deepEqual([ended.listId, ended.version], ['models', 1]);
    assert.match(ended.reason, /its approval expired on 2026-09-11/);
  });

  test('is in force again as soon as it is approved anew', async () => {
    await site.approve('--expires', '1');
    await start(byKey());
    at(1);
    assert.equal(await status(), 403);
    site.day = 1;
    await site.sign('alice', '--renew');
    mirror.io.pass(5000);
    await until(async () => (await status()) === 200);
    assert.deepEqual(
      (await events()).map(({ kind }) => kind).filter((kind) => kind.startsWith('list-')),
      ['list-accepted', 'list-ended', 'list-accepted'],
    );
  });

  test('ends at its date also where its file was replaced by one that is not accepted', async () => {
    await site.approve('--expires', '10');
    await start(byKey());
    writeFileSync(site.list, '{"half":');
    mirror.io.pass(5000);
    passed += 5000;
    await until(() => mirror.io.stderr.text.includes('a list that is not accepted'));
    at(10, -1);
    assert.equal(await status(), 200);
    at(10);
    assert.equal(await status(), 403);
    assert.match((await get()).text, /its approval expired on/);
  });

  test('ends at its date also where its files are gone, and its key too', async () => {
    await site.approve('--expires', '10');
    await start(byKey());
    for (const file of [site.list, site.approvals, site.key('alice').pub]) rmSync(file);
    at(10, -1);
    assert.equal(await status(), 200);
    at(10);
    assert.equal(await status(), 403);
  });

  test('ends at its date also where nothing can be remembered any more', async () => {
    await site.approve('--expires', '10');
    await start(byKey());
    const state = join(place.data, 'state');
    renameSync(state, `${state}.away`);
    writeFileSync(state, '');
    at(10);
    assert.equal(await status(), 403);
  });

  test('goes on in its days of grace, which is said, and ends with them', async () => {
    await site.approve('--expires', '10');
    await site.policy(['alice'], 1, '--grace-days', '14');
    await start(byPolicy());
    at(10);
    assert.equal(await status(), 200);
    assert.match(
      mirror.io.stderr.text,
      /"warning":"its approval expired on 2026-09-11T00:00:00\.000Z; it was accepted before and keeps starting until 2026-09-25/,
    );
    at(24, -1);
    assert.equal(await status(), 200);
    at(24);
    assert.equal(await status(), 403);
    // Said once, and not with every request.
    assert.equal(mirror.io.stderr.text.match(/"warning":/g)?.length, 1);
  });

  test('ends when the key that approved it may no longer approve', async () => {
    await site.allow('--all');
    await site.policy(['bob'], 1);
    const to = ['--from', '2026-09-01', '--to', '2026-09-21', '--role', 'list', '--trust', site.trust];
    await site.must('trust', 'add-signer', 'alice', '--key', site.key('alice').pub, ...to);
    await site.signPolicy('bob');
    await site.sign('alice', '--expires', '60', '--trust', site.trust);
    await start(byPolicy());
    at(20, -1);
    assert.equal(await status(), 200);
    at(20);
    assert.equal(await status(), 403);
    assert.match((await get()).text, /the key of alice may no longer approve/);
  });

  test('begins when the key that approved it may approve', async () => {
    await site.allow('--all');
    await site.policy(['bob'], 1);
    const from = ['--from', '2026-09-21', '--role', 'list', '--trust', site.trust];
    await site.must('trust', 'add-signer', 'alice', '--key', site.key('alice').pub, ...from);
    await site.signPolicy('bob');
    await site.sign('alice', '--expires', '60', '--trust', site.trust);
    await start(byPolicy());
    assert.equal(await status(), 403);
    at(20, -1);
    assert.equal(await status(), 403);
    at(20);
    assert.equal(await status(), 200);
  });

  test('ends with its policy, a year later: no timer has to be that long', async () => {
    await site.allow('--all');
    await site.policy(['alice'], 1, '--max-validity-days', '3650');
    await site.sign('alice', '--expires', '3000', '--trust', site.trust);
    await start(byPolicy());
    at(365, -1);
    assert.equal(await status(), 200);
    at(365);
    assert.equal(await status(), 403);
    assert.match((await get()).text, /the trust policy 1 expired on 2027-09-01/);
  });

  test('ends when a newer policy no longer names who approved it', async () => {
    await site.approve();
    await site.policy(['alice', 'bob'], 1);
    await start(byPolicy());
    assert.equal(await status(), 200);
    await site.must('trust', 'rotate', '--remove', 'alice', '--trust', site.trust);
    // Not approved yet: it revokes nothing.
    mirror.io.pass(5000);
    assert.equal(await status(), 200);
    await site.signPolicy('bob');
    await site.signPolicy('alice');
    mirror.io.pass(5000);
    await until(async () => (await status()) === 403);
  });

  test('goes on where what lies there as its policy is none', async () => {
    await site.approve('--expires', '10');
    await site.policy(['alice'], 1);
    await start(byPolicy());
    writeFileSync(site.trust, '{');
    mirror.io.pass(5000);
    passed += 5000;
    await until(() => mirror.io.stderr.text.includes('a list that is not accepted'));
    at(10, -1);
    assert.equal(await status(), 200);
    at(10);
    assert.equal(await status(), 403);
  });

  test('is none while the clock is set back, as at a start, and is again when the clock is right', async () => {
    await site.approve('--expires', '30');
    site.day = 0;
    await start(byKey());
    at(3);
    writeFileSync(site.list, readFileSync(site.list));
    mirror.io.pass(5000);
    passed += 5000;
    at(1);
    assert.equal(await status(), 403);
    assert.match((await get()).text, /the clock says 2026-09-02/);
    at(3, 5000);
    assert.equal(await status(), 200);
  });

  test('is observed on after its date where the policy is observe, and what would be refused is noted', async () => {
    await site.approve('--expires', '10');
    await start(byKey(), '--policy', 'observe');
    assert.equal(await status(), 200);
    at(10);
    assert.equal(await status(), 200);
    const refusals = (await events()).filter(({ kind }) => kind === 'refused');
    assert.deepEqual(
      refusals.map(({ served }) => served),
      [true],
    );
  });

  test('ends for whoever asks whether the mirror is ready', async () => {
    await site.approve('--expires', '10');
    await start(byKey(), '--admin-listen', '127.0.0.1:0');
    await until(() => mirror.io.stdout.text.includes('health and metrics on'));
    const port = Number(
      /health and metrics on http:\/\/127\.0\.0\.1:(\d+)\n/.exec(mirror.io.stdout.text)?.[1],
    );
    assert.equal((await ask(port, '/readyz')).status, 200);
    at(10);
    const ready = await ask(port, '/readyz');
    assert.equal(ready.status, 503);
    assert.match(ready.body.toString(), /its approval expired on/);
  });

  test('ends at its date also for who asks while it is looked at for another reason', async () => {
    await site.approve('--expires', '10');
    await start(byKey());
    writeFileSync(site.list, readFileSync(site.list));
    // The look begins before the date, and ends after it.
    mirror.io.pass(5000);
    passed += 5000;
    at(10);
    assert.deepEqual(await Promise.all([status(), status(), status()]), [403, 403, 403]);
  });

  test('is judged once at its date, however many ask at that moment', async () => {
    await site.approve('--expires', '10');
    await start(byKey());
    at(10);
    const answers = await Promise.all(Array.from({ length: 50 }, () => status()));
    assert.deepEqual(new Set(answers), new Set([403]));
    assert.equal((await events()).filter(({ kind }) => kind === 'list-ended').length, 1);
  });
});
