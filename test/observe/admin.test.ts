import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Admin } from '../../src/observe/index.ts';
import { ask, sendRaw } from '../fixtures/raw-http.ts';
import { until } from '../fixtures/until.ts';

describe('health and metrics', () => {
  let reason: string | undefined;
  let port = 0;
  const admin = new Admin({
    ready: async () => reason,
    metrics: async () => {
      if (reason === 'broken') throw new Error('broken');
      return 'up 1\n';
    },
  });
  before(async () => {
    port = (await admin.listen('127.0.0.1', 0)).port;
  });
  after(() => admin.close());

  const page = async (path: string, method = 'GET') => {
    const { status, body } = await ask(port, path, {}, method);
    return [status, body.toString()];
  };

  test('it lives, and is ready unless there is a reason why not', async () => {
    assert.deepEqual(await page('/healthz'), [200, 'ok\n']);
    assert.deepEqual(await page('/readyz'), [200, 'ok\n']);
    reason = 'the allow-list is not accepted';
    assert.deepEqual(await page('/readyz'), [503, 'the allow-list is not accepted\n']);
    assert.deepEqual(await page('/healthz'), [200, 'ok\n']);
    reason = undefined;
  });

  test('metrics are text, and a failure is a 500 and no more', async () => {
    assert.deepEqual(await page('/metrics'), [200, 'up 1\n']);
    reason = 'broken';
    assert.deepEqual(await page('/metrics'), [500, '']);
    assert.deepEqual(await page('/healthz'), [200, 'ok\n']);
    reason = undefined;
  });

  /** So many connections of one address of this machine, and how many of them were opened and cut. */
  function connections(count: number, localAddress: string) {
    const state = { open: 0, closed: 0, sockets: [] as Socket[] };
    state.sockets = Array.from({ length: count }, () =>
      connect({ port, host: '127.0.0.1', localAddress })
        .on('connect', () => {
          state.open += 1;
        })
        .on('close', () => {
          state.closed += 1;
        })
        .on('error', () => {})
        .resume(),
    );
    return state;
  }
  /** Until it has seen that they are gone it closes whoever comes. */
  const servesAgain = () => until(async () => (await page('/healthz').catch(() => []))[0] === 200);

  test('fifty connections of one address are held, and no more', async () => {
    const own = connections(60, '127.0.0.1');
    await until(() => own.open === 60 && own.closed === 10);
    for (const socket of own.sockets) socket.destroy();
    await servesAgain();
  });

  test('a hundred connections are held, and no more; what one address leaves is for the others', {
    skip: process.platform === 'linux' ? false : 'needs more than one address of this machine',
  }, async () => {
    const [one, two] = [connections(50, '127.0.0.2'), connections(40, '127.0.0.3')];
    await until(() => one.open === 50 && two.open === 40);
    assert.deepEqual(await page('/healthz'), [200, 'ok\n']);
    const three = connections(20, '127.0.0.4');
    await until(() => three.open === 20 && three.closed === 10);
    for (const socket of [one, two, three].flatMap(({ sockets }) => sockets)) socket.destroy();
    await servesAgain();
  });

  test('requests that are sent ahead are answered one after the other', async () => {
    const request = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n';
    const ahead = `${request}\r\n`.repeat(15);
    const answer = await sendRaw(port, `${ahead}${request}Connection: close\r\n\r\n`);
    assert.equal(answer.match(/up 1\n/g)?.length, 16);
  });

  test('no web page reads them: of another site, or under a name that was led to this machine', async () => {
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'http://x' },
      { host: 'evil.example' },
    ]) {
      const { status, body } = await ask(port, '/metrics', headers);
      assert.equal(status, 403);
      assert.doesNotMatch(body.toString(), /up 1/);
    }
    const twice = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    assert.match(await sendRaw(port, twice), /^HTTP\/1\.1 400 /);
  });

  test('nothing else is there, under any name', async () => {
    for (const path of ['/', '/v2/', '/constructor', '/__proto__', '/metrics?x=1'])
      assert.equal((await page(path))[0], 404, path);
    assert.equal((await page('/metrics', 'POST'))[0], 404);
  });
});
