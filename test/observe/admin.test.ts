import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Admin } from '../../src/observe/index.ts';
import { ask } from '../fixtures/raw-http.ts';
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

  test('a hundred connections are held, and no more', async () => {
    let [open, closed] = [0, 0];
    const sockets = Array.from({ length: 110 }, () =>
      connect(port, '127.0.0.1')
        .on('connect', () => {
          open += 1;
        })
        .on('close', () => {
          closed += 1;
        })
        .on('error', () => {})
        .resume(),
    );
    await until(() => open === 110 && closed === 10);
    for (const socket of sockets) socket.destroy();
    // Until it has seen that they are gone it closes whoever comes.
    await until(async () => (await page('/healthz').catch(() => []))[0] === 200);
  });

  test('nothing else is there, under any name', async () => {
    for (const path of ['/', '/v2/', '/constructor', '/__proto__', '/metrics?x=1'])
      assert.equal((await page(path))[0], 404, path);
    assert.equal((await page('/metrics', 'POST'))[0], 404);
  });
});
