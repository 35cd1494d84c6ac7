import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { agents, ask, openSocket, sendRaw } from '../fixtures/raw-http.ts';
import { RegistrySite } from '../fixtures/registry-site.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import { until } from '../fixtures/until.ts';

const weights = Buffer.from(patternedBytes(3_000_000));
const blob = `/v2/library/tiny/blobs/${sha256(weights)}`;

describe('clients that misbehave', () => {
  let site: RegistrySite;
  /** Lets the library answer for blobs. */
  let open = () => {};
  let gate: Promise<void> | undefined;
  beforeEach(async () => {
    gate = undefined;
    site = await RegistrySite.start((mirror) => {
      mirror.publish('library/tiny', 'latest', { model: weights });
      mirror.library.mischief = async ({ at }) => {
        if (at === 'store') await gate;
        return false;
      };
    });
  });
  afterEach(() => site[Symbol.asyncDispose]());

  const pull = () => ask(site.port, '/v2/library/tiny/manifests/latest', agents.ollama);
  const shut = () => {
    gate = new Promise((resolve) => {
      open = resolve;
    });
  };
  /** What every one of these tests ends with: the next client is served, and nothing hangs on. */
  async function stillServes(): Promise<void> {
    assert.equal((await pull()).status, 200);
    const { status, body } = await ask(site.port, blob, { ...agents.ranges, range: 'bytes=0-2999999' });
    assert.equal(status, 206);
    assert.ok(body.equals(weights));
    assert.equal(site.registry.held, 0);
    assert.deepEqual(site.errors, []);
  }

  for (const [what, path] of [
    ['dots that lead upwards', '/v2/library/../../../etc/passwd/manifests/latest'],
    ['dots as a name', '/v2/../manifests/latest'],
    ['encoded dots', '/v2/library/%2e%2e/manifests/latest'],
    ['encoded slashes', '/v2/library%2ftiny/manifests/latest'],
    ['a doubly encoded slash', '/v2/library%252ftiny/manifests/latest'],
    ['a backslash', '/v2/library\\tiny/manifests/latest'],
    ['an encoded zero byte', '/v2/library/tiny%00/manifests/latest'],
    ['empty parts', '/v2//library//tiny/manifests/latest'],
    ['an overlong name', `/v2/library/${'a'.repeat(81)}/manifests/latest`],
    ['an overlong tag', `/v2/library/tiny/manifests/${'a'.repeat(200)}`],
    ['a target of 10,000 characters', `/v2/${'a/'.repeat(5000)}manifests/latest`],
    ['a list file with dots', '/verify-models/v1/chunks/../allow-list.json'],
    ['a list file of another name', '/verify-models/v1/state/list.json'],
  ] as const) {
    test(`${what} are no name: refused, and nobody upstream is asked`, async () => {
      const answer = await sendRaw(site.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 (?:400|404) /);
      assert.deepEqual(site.site.library.requests, []);
      await stillServes();
    });
  }

  for (const range of [
    'bytes=0-1,5-6',
    'bytes=0-0,0-0,0-0,0-0',
    'bytes=5-2',
    'bytes=-0',
    'bytes=9007199254740993-',
    'bytes=0-99999999999999999999',
    'bytes=a-b',
    'octets=0-1',
    'bytes=',
    'bytes=--1',
  ]) {
    test(`the range ${range} gets all of it, or nothing, and never something else`, async () => {
      await pull();
      const { status, body } = await ask(site.port, blob, { ...agents.ranges, range });
      if (status === 416) assert.equal(body.length, 0);
      else {
        assert.equal(status, 200);
        assert.ok(body.equals(weights));
      }
      await stillServes();
    });
  }

  for (const [what, bytes, answer] of [
    ['no HTTP at all', 'hello, is this a registry?\r\n\r\n', /^HTTP\/1\.1 400 /],
    [
      'headers of 64 KiB',
      `GET /v2/ HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(65_536)}\r\n\r\n`,
      /^HTTP\/1\.1 431 /,
    ],
    [
      'a body on a GET',
      'GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello',
      /^HTTP\/1\.1 200 /,
    ],
    [
      'two lengths',
      'GET /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
      /^HTTP\/1\.1 400 /,
    ],
    [
      'a length and chunks',
      'POST /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1\.1 400 /,
    ],
    ['a method that nobody knows', 'BREW /v2/ HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['no Host', 'GET /v2/ HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
  ] as const) {
    test(`${what}: answered and closed`, async () => {
      assert.match(await sendRaw(site.port, bytes), answer);
      await stillServes();
    });
  }

  test('half-open sockets, and requests that never end, hold nobody up', async () => {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => openSocket(site.port)));
    for (const socket of sockets.slice(50))
      socket.write('GET /v2/library/tiny/manifests/latest HTTP/1.1\r\nHost:');
    await stillServes();
    for (const socket of sockets) socket.destroy();
  });

  test('a client that leaves while it is held leaves nothing behind, and the fetch goes on', async () => {
    shut();
    assert.equal((await pull()).status, 200);
    const socket = await openSocket(site.port);
    socket.write(`GET ${blob} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-999\r\n\r\n`);
    await until(() => site.registry.held === 1);
    socket.destroy();
    await until(() => site.registry.held === 0);
    open();
    await until(() => site.site.events.length === 1);
    assert.equal(site.site.library.sent, weights.length + '{"model_format":"gguf"}'.length);
    await stillServes();
  });

  test('clients that abort in the middle of a body, again and again, leave no file open', async () => {
    await pull();
    await ask(site.port, blob, { ...agents.ranges, range: 'bytes=0-0' });
    const openFiles = () => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);
    const before = openFiles();
    for (let round = 0; round < 50; round += 1) {
      const socket = await openSocket(site.port);
      socket.write(`GET ${blob} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-\r\n\r\n`);
      await once(socket, 'data');
      socket.destroy();
    }
    await until(() => site.records.filter(({ status }) => status === 206).length >= 51);
    await until(() => openFiles() <= before + 1);
    await stillServes();
  });

  test('a client that never reads costs two buffers, and others are served meanwhile', async () => {
    await pull();
    const socket = await openSocket(site.port);
    socket.pause();
    socket.write(`GET ${blob} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-\r\n\r\n`);
    await stillServes();
    socket.destroy();
  });

  test('more held requests than an address may have are answered empty, and come again', async () => {
    await site[Symbol.asyncDispose]();
    shut();
    site = await RegistrySite.start(
      (mirror) => {
        mirror.publish('library/tiny', 'latest', { model: weights });
        mirror.library.mischief = async ({ at }) => {
          if (at === 'store') await gate;
          return false;
        };
      },
      {},
      { held: { all: 10, each: 3 } },
    );
    await pull();
    const asked = Array.from({ length: 5 }, () =>
      ask(site.port, blob, { ...agents.ranges, range: 'bytes=0-9' }),
    );
    const first = await Promise.race(asked);
    assert.equal(first.status, 502);
    assert.equal(first.body.length, 0);
    await until(() => site.registry.held === 3);
    open();
    const statuses = (await Promise.all(asked)).map(({ status }) => status).sort();
    assert.deepEqual(statuses, [206, 206, 206, 502, 502]);
    await stillServes();
  });
});
