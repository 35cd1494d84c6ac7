import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { agents, ask } from '../fixtures/raw-http.ts';
import { emptySettings, newIo, runMain } from '../fixtures/run-main.ts';
import { mirrorCommand, ServedMirror } from '../fixtures/served-mirror.ts';

const secret = 'Tr0ub4dor';
const mirrorHost = { environment: { MODEL_MIRROR_CONFIG: emptySettings } };

describe('a password in an address', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const typed = [
    `http://user:${secret}@registry.example`,
    `https://${secret}@registry.example/path`,
    `hf.mirror=https://user:${secret}@hf.co`,
    `http:user:${secret}@registry.example`,
    `http:\\\\user:${secret}@registry.example`,
    `user:${secret}@registry.example:80`,
    `http://user:${secret}/x@registry.example`,
    `http://user:a ${secret}@registry.example`,
  ];

  for (const address of typed) {
    const shown = JSON.stringify(address.replace(secret, '***'));
    test(`of an upstream is refused and not shown: ${shown}`, async () => {
      const list = file('list.yaml', `upstream: [${JSON.stringify(address)}]\n`);
      const one = file('one.yaml', `upstream: ${JSON.stringify(address)}\n`);
      for (const [words, options] of [
        [['serve', '--upstream', address], mirrorHost],
        [['serve', `--upstream=${address}`], mirrorHost],
        [['sync', 'x'], { environment: { ...mirrorHost.environment, MODEL_MIRROR_UPSTREAM: address } }],
        [['status', '--config', list], mirrorHost],
        [['status', '--config', one], mirrorHost],
        // Nothing that is close to the flag gives it away either.
        [['serve', `--upstrem=${address}`], mirrorHost],
      ] as const) {
        const io = newIo(options);
        assert.equal(await mirrorCommand([...words], io), 64, words.join(' '));
        assert.ok(!`${io.stdout.text}${io.stderr.text}`.includes(secret), io.stderr.text);
      }
    });

    test(`of a mirror is refused and not shown: ${shown}`, async () => {
      for (const [words, environment] of [
        [['fetch', '--from', address], {}],
        [['repair', 'x', '--from', address], {}],
        [['allow', 'x', '--from', address], {}],
        [['fetch'], { VERIFY_MODELS_FROM: address }],
      ] as const) {
        const { status, stdout, stderr } = await runMain(words, { environment });
        assert.equal(status, 64, words.join(' '));
        assert.ok(!`${stdout}${stderr}`.includes(secret), stderr);
      }
    });
  }

  test('is refused for what it is', async () => {
    const io = newIo(mirrorHost);
    await mirrorCommand(['serve', '--upstream', `http://user:${secret}@registry.example`], io);
    assert.equal(
      io.stderr.lines[0],
      'model-mirror: the command line: --upstream http://…@registry.example holds a user name or a password, which are not taken in an address (CONFIG_INVALID)',
    );
  });

  test('in other places is not shown', async () => {
    const address = `https://user:${secret}@mirror.example`;
    for (const words of [
      ['install', address, 'x', '--policy', 'observe', '--store', folder],
      ['install', `${address}/archive.tar`, '--store', folder, '--policy', 'observe'],
      [address],
      ['check', '--store', address],
      ['sign', '--keyless', '--fulcio-url', `ftp://user:${secret}@x`, '--rekor-url', 'https://r.example'],
      ['allow', '--all', '--source', address, '--store', folder],
      ['check', '--running', '--store', folder],
      ['diff', address],
    ]) {
      const { stdout, stderr } = await runMain(words, {
        environment: { OLLAMA_HOST: `user:${secret}@192.0.2.1` },
      });
      assert.ok(!`${stdout}${stderr}`.includes(secret), stderr);
    }
  });

  test('of a proxy is used, and is in no output, no log and no file', async () => {
    const asked: (string | undefined)[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, client: Socket) => {
      asked.push(request.headers['proxy-authorization']);
      client
        .on('error', () => {})
        .end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const { port } = proxy.address() as AddressInfo;
    const data = join(folder, 'data');
    const words = ['--data', data, '--upstream', 'https://registry.example', '--log-level', 'debug'];
    const mirror = await ServedMirror.start(
      ...words,
      ...['--proxy', `http://user:${secret}@127.0.0.1:${port}`, '--admin-listen', '127.0.0.1:0'],
    );
    const answer = await ask(
      Number(mirror.host.split(':')[1]),
      '/v2/library/x/manifests/latest',
      agents.ollama,
    );
    assert.equal(answer.status, 503);
    await mirror.stop();
    proxy.close();
    proxy.closeAllConnections();
    assert.equal(asked[0], `Basic ${Buffer.from(`user:${secret}`).toString('base64')}`);
    const files = readdirSync(data, { recursive: true, encoding: 'utf8' })
      .map((name) => join(data, name))
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path, 'latin1'));
    const all = [mirror.io.stdout.text, mirror.io.stderr.text, answer.body.toString(), ...files].join('\n');
    assert.ok(!all.includes(secret));
    assert.ok(!all.includes(Buffer.from(`user:${secret}`).toString('base64')));
  });
});
