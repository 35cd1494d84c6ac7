import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ownNamesOf } from '../../cli/mirror/own-names.ts';
import { RegistrySite } from '../fixtures/registry-site.ts';
import { addSampleModel, type SampleModel } from '../fixtures/sample-store.ts';
import { publishFrom } from '../fixtures/served-mirror.ts';
import { hasOpenssl, makeCertificate } from './certificate.ts';
import { type ConnectProxy, startConnectProxy } from './connect-proxy.ts';
import { findOllama } from './find-ollama.ts';
import { OllamaServer } from './ollama-server.ts';
import { checkStore } from './product.ts';

const { program, skip } = findOllama('the ways in which unmodified Ollama reaches the mirror');
const library = 'registry.ollama.ai';

/** A machine on which names can be given other addresses for one process alone. */
const overrides = spawnSync('unshare', ['-m', 'true']).status === 0;

describe('ways to reach the mirror with TLS', {
  skip: skip || (hasOpenssl() ? false : 'needs openssl'),
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  let model: SampleModel;
  before(() => {
    model = addSampleModel(join(folder, 'published'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** A mirror with a certificate for one name. */
  async function mirrorFor(name: string): Promise<{ site: RegistrySite; certFile: string }> {
    const own = mkdtempSync(join(folder, 'c-'));
    const { cert, key, certFile } = makeCertificate(own, name);
    const prepare = (site: RegistrySite['site']) =>
      publishFrom(site.library, join(folder, 'published'), model.name);
    // As `serve` has them where it listens on this machine alone.
    const names = ownNamesOf('127.0.0.1', {}, { list: { standing: { kind: 'none' } } }, cert);
    return { site: await RegistrySite.start(prepare, {}, { names, tls: { cert, key } }), certFile };
  }

  async function pulls(client: OllamaServer, name: string, stored: string): Promise<void> {
    const { status, output } = await client.ollama('pull', name);
    assert.equal(status, 0, output);
    assert.match((await client.ollama('list')).output, new RegExp(`^${stored.replaceAll('.', '\\.')}`, 'm'));
    assert.deepEqual((await checkStore(client.store)).findings, []);
  }

  for (const [what, host, typed, stored] of [
    [
      'a full name',
      'mirror.example',
      'mirror.example/library/sample',
      'mirror.example/library/sample:latest',
    ],
    ['the name of the library, led to the mirror by a proxy', library, 'sample', 'sample:latest'],
  ] as const) {
    test(`${what}, with a certificate that the client's server trusts`, async () => {
      const { site, certFile } = await mirrorFor(host);
      const proxy: ConnectProxy = await startConnectProxy(host, site.port);
      const client = await OllamaServer.start(program ?? '', {
        SSL_CERT_FILE: certFile,
        HTTPS_PROXY: proxy.url,
      });
      try {
        await pulls(client, typed, stored);
        assert.deepEqual(proxy.refused, []);
      } finally {
        await client.stop();
        await proxy.close();
        await site[Symbol.asyncDispose]();
      }
    });
  }

  test('a DNS override of the library, with an authority of its own: the command stays as it is', {
    skip: overrides ? false : 'needs root, and unshare: /etc/hosts is another one for the client alone',
  }, async () => {
    const { site, certFile } = await mirrorFor(library);
    // The library's port: names have no port.
    const front = createServer((socket) => {
      const back = connect(site.port, '127.0.0.1');
      socket.pipe(back).pipe(socket);
      for (const one of [socket, back]) one.on('error', () => one.destroy());
    });
    await once(front.listen(443, '127.0.0.53'), 'listening');
    const hosts = join(folder, 'hosts');
    writeFileSync(hosts, `${readFileSync('/etc/hosts', 'utf8')}\n127.0.0.53 ${library}\n`);
    const wrapped = join(folder, 'ollama-with-hosts');
    const inside = `mount --bind '${hosts}' /etc/hosts && exec '${program}' "$@"`;
    writeFileSync(wrapped, `#!/bin/sh\nexec unshare -m sh -c '${inside.replaceAll("'", "'\\''")}' sh "$@"\n`);
    chmodSync(wrapped, 0o755);
    const client = await OllamaServer.start(wrapped, { SSL_CERT_FILE: certFile });
    try {
      await pulls(client, 'sample', 'sample:latest');
    } finally {
      await client.stop();
      front.close();
      await site[Symbol.asyncDispose]();
    }
  });
});
