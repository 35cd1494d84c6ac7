import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect } from '../../../cli/network/index.ts';
import { newIo } from '../../fixtures/run-main.ts';
import { hasOpenssl, makeCertificate } from '../../real-client/certificate.ts';
import { type ConnectProxy, startConnectProxy } from '../../real-client/connect-proxy.ts';

const answer = '{"schemaVersion":2}';
const never = new AbortController().signal;

describe('how a command reaches a registry', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function manifest(url: string, environment: Record<string, string>, ca?: string): Promise<string> {
    const upstream = connect(new URL(url), { ca }, newIo({ environment }));
    try {
      return (await upstream.manifest('library/x', 'latest', never)).toString();
    } finally {
      await upstream.close();
    }
  }

  test('on this machine never through a proxy, whatever the environment says', async () => {
    const server = createServer((_, response) => void response.end(answer));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const nowhere = 'http://127.0.0.1:1';
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    assert.equal(await manifest(url, { HTTP_PROXY: nowhere, HTTPS_PROXY: nowhere }), answer);
    server.close();
    server.closeAllConnections();
  });

  test('a proxy that is no URL is said at once', async () => {
    await assert.rejects(manifest('https://registry.example', { HTTPS_PROXY: 'http://[' }), {
      code: 'USAGE',
    });
  });

  test('a file of an authority that is not there is said at once', async () => {
    await assert.rejects(manifest('https://registry.example', {}, join(folder, 'none')), {
      code: 'CONFIG_UNREADABLE',
    });
  });

  describe('elsewhere', { skip: hasOpenssl() ? false : 'needs openssl' }, () => {
    let proxy: ConnectProxy;
    let certFile = '';
    const servers: ReturnType<typeof createTlsServer>[] = [];
    before(async () => {
      const { cert, key, certFile: file } = makeCertificate(folder, 'registry.example');
      certFile = file;
      const server = createTlsServer({ cert, key }, (_, response) => void response.end(answer));
      servers.push(server);
      await once(server.listen(0, '127.0.0.1'), 'listening');
      proxy = await startConnectProxy('registry.example', (server.address() as AddressInfo).port);
    });
    after(async () => {
      await proxy.close();
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    });

    for (const name of ['HTTPS_PROXY', 'https_proxy']) {
      test(`through ${name}, with an authority of its own`, async () => {
        assert.equal(await manifest('https://registry.example', { [name]: proxy.url }, certFile), answer);
      });
    }

    test('and not without that authority', async () => {
      await assert.rejects(manifest('https://registry.example', { HTTPS_PROXY: proxy.url }), {
        code: 'UPSTREAM_UNREACHABLE',
      });
    });

    test('a proxy that refuses is said', async () => {
      await assert.rejects(manifest('https://other.example', { HTTPS_PROXY: proxy.url }, certFile), {
        code: 'UPSTREAM_UNREACHABLE',
      });
    });
  });
});
