import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Catalog } from '../../../src/catalog/index.ts';
import { MirrorCommands } from '../../fixtures/mirror-command.ts';
import { agents, ask } from '../../fixtures/raw-http.ts';
import { ServedMirror } from '../../fixtures/served-mirror.ts';
import { SignedSite } from '../../fixtures/signed-site.ts';
import { until } from '../../fixtures/until.ts';

describe('a stranger who asks a mirror for what is refused, again and again', () => {
  let site: SignedSite;
  let place: MirrorCommands;
  let mirror: ServedMirror;
  let admin: number;
  beforeEach(async () => {
    site = new SignedSite();
    place = await MirrorCommands.start();
    site.scratch.addModel();
    await site.approve();
    const byList = ['--allow-list', site.list, '--key', site.key('alice').pub];
    const more = ['--admin-listen', '127.0.0.1:0', '--log-level', 'info'];
    mirror = await ServedMirror.start(...place.places, ...byList, ...more);
    await until(() => mirror.io.stdout.text.includes('health and metrics on'));
    admin = Number(/health and metrics on http:\/\/127\.0\.0\.1:(\d+)\n/.exec(mirror.io.stdout.text)?.[1]);
  });
  afterEach(async () => {
    await mirror.stop();
    site.remove();
    await place[Symbol.asyncDispose]();
  });

  const refuse = async (repository: string, tag = 'latest') => {
    const port = Number(mirror.host.split(':')[1]);
    const { status } = await ask(port, `/v2/${repository}/manifests/${tag}`, agents.ollama);
    assert.equal(status, 403);
  };
  const kinds = async () => {
    const catalog = await Catalog.open(join(place.data, 'catalog.sqlite'), () => new Date());
    const events = (await catalog.audit(0, 10_000)).map(({ event }) => JSON.parse(event));
    await catalog.close();
    return events.map(({ kind, refused }) => (kind === 'folded' ? `folded ${refused}` : kind));
  };
  /** Names and labels of all series, without their values. */
  const series = async () =>
    (await ask(admin, '/metrics')).body
      .toString()
      .split('\n')
      .map((line) => line.replace(/ \S+$/, ''));

  test('in two spellings of one name in turn, makes one record', async () => {
    for (let at = 0; at < 50; at += 1) {
      await refuse('library/Evil');
      await refuse('library/eVIL', 'LATEST');
    }
    await mirror.stop();
    assert.deepEqual(await kinds(), ['list-accepted', 'refused']);
  });

  test('for ever other names, makes a bounded number of records, series and lines', async () => {
    await refuse('library/first');
    await until(async () => (await series()).some((line) => line.includes('kind="manifest",status="4xx"')));
    const before = await series();
    for (let at = 0; at < 1200; at += 1) await refuse(`library/junk-${at}`, `t${at}`);
    assert.deepEqual(await series(), before);
    mirror.io.pass(60_000);
    await mirror.stop();
    assert.deepEqual(await kinds(), ['list-accepted', ...Array(60).fill('refused'), 'folded 1141']);
    const lines = mirror.io.stderr.lines.map((line) => JSON.parse(line));
    assert.equal(lines.filter(({ message }) => message === 'request').length, 1000);
    assert.deepEqual(
      lines.filter(({ lines: left }) => left !== undefined).map(({ of, lines: left }) => [of, left]),
      [['request', 201]],
    );
  });
});
