import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { LyingSite, sampleName } from '../../fixtures/lying-list.ts';
import { MirrorCommands } from '../../fixtures/mirror-command.ts';
import { ask } from '../../fixtures/raw-http.ts';
import { sha256 } from '../../fixtures/sample-store.ts';
import { publishFrom, ServedMirror } from '../../fixtures/served-mirror.ts';
import { SignedSite } from '../../fixtures/signed-site.ts';
import { treeState } from '../../fixtures/tree-state.ts';

/** A library that has the model of somebody else under the name that the reviewer knows. */
describe('a list that pins the manifest of one model and lists the layers of another', () => {
  let site: LyingSite;
  let place: MirrorCommands;
  beforeEach(async () => {
    site = await LyingSite.make();
    place = await MirrorCommands.start();
    publishFrom(place.library, site.evilStore.path, sampleName);
    site.lie();
    await site.approveBlindly();
  });
  afterEach(async () => {
    site.remove();
    await place[Symbol.asyncDispose]();
  });

  const byList = () => ['--allow-list', site.list, '--key', site.key('alice').pub];
  const short = (digest: string) => digest.slice(7, 19);
  const clause = () =>
    `it lists the system ${short(site.good.digest('system'))}, and the manifest names the system ${short(site.evil.digest('system'))} there`;
  const from = () => place.library.url.href.replace(/\/$/, '');
  const manifest = async ({ host }: ServedMirror) => {
    const { status, body } = await ask(Number(host.split(':')[1]), '/v2/library/sample/manifests/latest');
    return { status, text: body.toString() };
  };

  test('brings nothing into a mirror: sync is 2, and fetches no blob', async () => {
    for (const words of [[], ['sample']]) {
      const { status, stdout } = await place.run(['sync', ...byList(), ...words]);
      assert.equal(status, 2, stdout);
      assert.ok(stdout.includes(clause()), stdout);
    }
    assert.deepEqual(
      [place.library.sent, (await place.run(['status'])).stdout.includes('models   0\n')],
      [0, true],
    );
  });

  test('serves nothing: a client reads why, and a list with the manifest beside it is not in force at all', async () => {
    {
      await using mirror = await ServedMirror.start(...place.places, ...byList());
      const { status, text } = await manifest(mirror);
      assert.equal(status, 403);
      assert.ok(
        text.includes('contradicts the manifest that it pins for sample:latest') && text.includes(clause()),
      );
    }
    site.putEvilBeside();
    await using mirror = await ServedMirror.start(...place.places, ...byList());
    assert.match(
      mirror.io.stdout.text,
      /policy {3}enforce \(allow-list not accepted: the allow-list contradicts /,
    );
    const { status, text } = await manifest(mirror);
    assert.equal(status, 403);
    assert.match(
      text,
      /the allow-list of this mirror is not accepted \(the allow-list contradicts the manifest/,
    );
  });

  test('does not come into force over a mirror that has the manifest, and the list before it stays', async () => {
    site.edit(sha256(Buffer.from(site.evil.manifest)), sha256(Buffer.from(site.good.manifest)));
    publishFrom(place.library, site.store, sampleName);
    await site.sign('alice');
    assert.equal((await place.run(['sync', ...byList()])).status, 0);
    await using mirror = await ServedMirror.start(...place.places, ...byList());
    assert.equal((await manifest(mirror)).status, 200);
    // Version 2 pins the admitted manifest, and lists another system prompt of it.
    site.edit('"version": 1', '"version": 2');
    site.edit(site.good.digest('system'), site.evil.digest('system'));
    await site.approveBlindly();
    const again = await place.run(['sync', ...byList()]);
    assert.deepEqual([again.status, again.stdout], [2, '']);
    assert.match(again.stderr, /the allow-list contradicts the manifest that it pins for sample:latest/);
    mirror.io.pass(6000);
    assert.equal((await manifest(mirror)).status, 200);
  });

  test('is not taken by fetch from a mirror that hands out the manifest, and nothing is written', async () => {
    site.putEvilBeside();
    const host = new SignedSite();
    try {
      // Whoever hands out files of a list need not be one who looks.
      await using mirror = await ServedMirror.start(...place.places, ...byList());
      const words = ['fetch', '--from', mirror.url, '--allow-list', host.list, '--state', host.state];
      const run = await host.run(...words, '--key', site.key('alice').pub);
      assert.equal(run.status, 2, run.stdout);
      const reason = `it contradicts the manifest that it pins for sample:latest: ${clause()}`;
      assert.ok(run.stderr.includes(reason), run.stderr);
      for (const name of ['allow-list.json', 'manifests', 'chunks'])
        assert.equal(existsSync(host.beside(name)), false);
    } finally {
      host.remove();
    }
  });

  test('mends no store: repair is 2 by the manifest in the store and by that of the library', async () => {
    const words = ['--from', from(), ...byList(), '--state', site.state];
    for (const store of [site.evilStore.path, site.store]) {
      const before = treeState(store);
      const { status, stdout } = await site.run('repair', 'sample', '--store', store, ...words);
      assert.equal(status, 2, stdout);
      assert.ok(stdout.includes(clause()), stdout);
      assert.deepEqual(treeState(store), before);
    }
    site.putEvilBeside();
    const { status, stderr } = await site.run('repair', '--store', site.store, ...words);
    assert.equal(status, 2);
    assert.match(stderr, /\(LIST_NOT_ACCEPTED\)/);
  });

  test('installs nothing from a mirror', async () => {
    const store = site.beside('there');
    mkdirSync(store);
    const run = await site.run('install', from(), '--store', store, '--state', site.state, ...byList());
    assert.equal(run.status, 2, run.stderr);
    assert.ok(run.stdout.includes(clause()), run.stdout);
    assert.equal(existsSync(`${store}/manifests/registry.ollama.ai`), false);
  });
});

test('a manifest that somebody replaced in the database of a mirror is not served by the digest beside it', async () => {
  const site = await LyingSite.make();
  const place = await MirrorCommands.start();
  try {
    publishFrom(place.library, site.store, sampleName);
    await site.sign();
    const byList = ['--allow-list', site.list, '--key', site.key('alice').pub];
    assert.equal((await place.run(['sync', ...byList])).status, 0);
    const database = new Database(`${place.data}/catalog.sqlite`);
    database.prepare('update manifest set bytes = ?').run(Buffer.from(site.evil.manifest));
    database.close();
    await using mirror = await ServedMirror.start(...place.places, ...byList);
    const path = '/v2/library/sample/manifests';
    for (const reference of ['latest', sha256(Buffer.from(site.good.manifest))]) {
      const { status, body } = await ask(Number(mirror.host.split(':')[1]), `${path}/${reference}`);
      assert.deepEqual([status, body.toString()], [200, site.good.manifest]);
    }
  } finally {
    site.remove();
    await place[Symbol.asyncDispose]();
  }
});
