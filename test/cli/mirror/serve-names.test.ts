import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { MirrorCommands } from '../../fixtures/mirror-command.ts';
import { agents, ask, sendRaw } from '../../fixtures/raw-http.ts';
import { ServedMirror } from '../../fixtures/served-mirror.ts';

const path = '/v2/library/sample/manifests/latest';

describe('a mirror that listens on this machine alone', () => {
  let place: MirrorCommands;
  beforeEach(async () => {
    place = await MirrorCommands.start();
  });
  afterEach(() => place[Symbol.asyncDispose]());

  const start = (...words: string[]) => ServedMirror.start(...place.places, ...words);
  const portOf = ({ host }: ServedMirror) => Number(host.split(':')[1]);
  const status = async (mirror: ServedMirror, headers: Record<string, string>) =>
    (await ask(portOf(mirror), path, headers)).status;

  test('does not ask upstream for a web page: cross-site, of another origin, or under a name led here', async () => {
    await using mirror = await start();
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', host: `localhost:${portOf(mirror)}` },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { host: `evil.example:${portOf(mirror)}`, 'sec-fetch-site': 'same-origin' },
      { host: `127.0.0.1.evil.example:${portOf(mirror)}` },
      { host: `0.0.0.0:${portOf(mirror)}` },
    ])
      assert.equal(await status(mirror, headers), 403, JSON.stringify(headers));
    assert.deepEqual(place.library.requests, []);
  });

  test('says why in one sentence, to a browser and inside ollama pull, and never inside a blob', async () => {
    await using mirror = await start();
    const port = portOf(mirror);
    const page = await ask(port, path, { 'sec-fetch-site': 'cross-site' });
    assert.match(
      page.body.toString(),
      /^\{"errors":\[\{"code":"DENIED","message":"this server does not answer web pages of other sites",/,
    );
    const host = 'mirror.corp';
    const pull = await ask(port, path, { ...agents.ollama, host });
    assert.match(
      pull.body.toString(),
      /^this server listens on this machine alone and does not go by the name mirror\.corp; --public-host gives it another name \(request [0-9a-f]{8}\)$/,
    );
    const part = await ask(port, `/v2/library/sample/blobs/sha256:${'a'.repeat(64)}`, {
      host,
      range: 'bytes=0-9',
    });
    assert.deepEqual([part.status, part.body.length], [403, 0]);
  });

  test('answers to the names of this machine, of its upstreams and of the library that it stands for', async () => {
    const upstreams = [
      '--upstream',
      'hf.mirror.example=https://hf.co',
      '--upstream',
      'w.example:8080=http://127.0.0.1:9',
    ];
    await using mirror = await start(...upstreams, '--public-host', 'Mirror.Corp', '--public-host', 'm2');
    for (const host of [
      ...['localhost', 'LOCALHOST:1', 'x.localhost', '127.0.0.1', '127.3.2.1:99', '[::1]', '[::1]:11435'],
      ...['registry.ollama.ai', 'registry.ollama.ai:80', 'mirror.corp', 'mirror.corp.:443', 'm2'],
      ...['hf.mirror.example', 'w.example', 'hf.co', 'host.docker.internal'],
    ])
      assert.equal((await ask(portOf(mirror), '/v2/', { host })).status, 200, host);
  });

  test('also to no name at all, which HTTP/1.0 does not know', async () => {
    await using mirror = await start();
    assert.match(await sendRaw(portOf(mirror), 'GET /v2/ HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /);
  });

  for (const [what, request] of [
    ['two Host headers', 'GET /v2/ HTTP/1.1\r\nHost: localhost\r\nHost: registry.ollama.ai\r\n\r\n'],
    ['the same one twice', 'GET /v2/ HTTP/1.1\r\nHost: localhost\r\nhost:localhost\r\n\r\n'],
    ['another host in its target', 'GET http://hf.co/v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['an empty Host', 'GET /v2/ HTTP/1.1\r\nHost:\r\n\r\n'],
    ['a Host that is a path', 'GET /v2/ HTTP/1.1\r\nHost: localhost/v2/x\r\n\r\n'],
  ] as const)
    test(`refuses a request with ${what}, and closes its connection`, async () => {
      await using mirror = await start();
      // Whatever comes behind it on the same connection is not answered.
      const answer = await sendRaw(portOf(mirror), `${request}GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 400 /);
      assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1);
    });

  test('takes a target with its own host in it as the path that it is', async () => {
    await using mirror = await start();
    const { host } = mirror;
    const request = `GET http://${host}/v2/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    assert.match(await sendRaw(portOf(mirror), request), /^HTTP\/1\.1 200 [\s\S]*\{\}$/);
  });
});

test('a mirror that others reach fetches nothing for a page of this machine that comes under another name', async () => {
  await using place = await MirrorCommands.start();
  await using mirror = await ServedMirror.start(...place.places, '--listen', '0.0.0.0:0', '--anonymous');
  const port = Number(mirror.host.split(':')[1]);
  for (const host of [`evil.example:${port}`, `0.0.0.0:${port}`, `[::]:${port}`]) {
    const { status, body } = await ask(port, path, { host });
    assert.equal(status, 403);
    assert.match(body.toString(), /fetches what is on no allow-list for itself alone/);
  }
  assert.deepEqual(place.library.requests, []);
  assert.equal((await ask(port, path, { host: `localhost:${port}` })).status, 404);
  assert.equal(place.library.requests.length, 1);
});
