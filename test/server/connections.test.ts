import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { parseModelName } from '../../src/oci/index.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { openFilesBelow } from '../fixtures/process-counts.ts';
import { agents, ask, openSocket, type RawAnswer } from '../fixtures/raw-http.ts';
import { RegistrySite } from '../fixtures/registry-site.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import { until } from '../fixtures/until.ts';
import { hasOpenssl, makeCertificate } from '../real-client/certificate.ts';

const weights = Buffer.from(patternedBytes(20_000_000));
const manifest = '/v2/library/tiny/manifests/latest';
const blob = `/v2/library/tiny/blobs/${sha256(weights)}`;
const get = `GET ${blob} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-\r\n\r\n`;
const publish = (mirror: RegistrySite['site']) =>
  void mirror.publish('library/tiny', 'latest', { model: weights });

/** Told when a socket is closed, whoever closed it. */
function closing(socket: Socket): { closed: boolean } {
  const state = { closed: false };
  socket
    .on('error', () => {})
    .once('close', () => {
      state.closed = true;
    });
  return state;
}

/** What is asked until it is answered: with a short limit a slow machine may be cut before it has asked. */
async function answered(question: () => Promise<RawAnswer>): Promise<RawAnswer> {
  let answer: RawAnswer | undefined;
  await until(async () => {
    answer = await question().catch(() => undefined);
    return answer !== undefined;
  });
  return answer ?? assert.fail();
}

describe('connections', () => {
  let site: RegistrySite;
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await site[Symbol.asyncDispose]();
  });
  const opened = async () => {
    const socket = await openSocket(site.port);
    sockets.push(socket);
    return socket;
  };

  test('of one address are as many as its share; one more is cut, and each that leaves makes room', async () => {
    site = await RegistrySite.start(publish, {}, { connections: { all: 10, each: 3, stallMs: 30_000 } });
    const [first] = [await opened(), await opened(), await opened()];
    for (let turn = 0; turn < 3; turn += 1) await once((await opened()).resume(), 'close');
    await assert.rejects(ask(site.port, '/v2/'));
    first?.destroy();
    await until(() =>
      ask(site.port, '/v2/').then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
  });

  test('that one address holds and does not use keep no other address from being served', {
    skip: process.platform === 'linux' ? false : 'needs more than one address of this machine',
  }, async () => {
    site = await RegistrySite.start(publish, {}, { connections: { all: 20, each: 5, stallMs: 30_000 } });
    for (let turn = 0; turn < 8; turn += 1)
      sockets.push(
        connect({ port: site.port, host: '127.0.0.1', localAddress: '127.0.0.2' }).on('error', () => {}),
      );
    await until(() => sockets.filter(({ readyState }) => readyState === 'open').length === 5);
    assert.equal((await ask(site.port, '/v2/')).status, 200);
  });

  test('of all clients are as many as there may be', async () => {
    site = await RegistrySite.start(publish, {}, { connections: { all: 2, each: 10, stallMs: 30_000 } });
    await opened();
    await opened();
    await once((await opened()).resume(), 'close');
  });

  /** Asks for the blob and takes nothing of it, until the server has told how that ended. */
  async function stall(open: () => Promise<Socket>): Promise<void> {
    const blobs = () => site.records.filter(({ kind }) => kind === 'blob');
    let asking = { closed: true };
    await until(async () => {
      if (asking.closed && blobs().length === 0) {
        const socket = (await open()).pause();
        asking = closing(socket);
        socket.write(get);
      }
      return blobs().length > 0;
    });
    const [record] = blobs();
    assert.equal(record?.status, 206);
    assert.ok((record?.bytes ?? 0) < weights.length);
    await until(() => (openFilesBelow(site.site.data.path) ?? 0) === 0);
    const again = await answered(() => ask(site.port, blob, { ...agents.ranges, range: 'bytes=0-9' }));
    assert.equal(again.status, 206);
  }

  test('whose client takes nothing of its answer are cut, and the file and the buffers with them', async () => {
    site = await RegistrySite.start(publish, {}, { connections: { all: 10, each: 10, stallMs: 100 } });
    await answered(() => ask(site.port, manifest));
    await stall(opened);
  });

  test('whose client waits for an answer are left alone, however long it takes', async () => {
    const { promise: gate, resolve: go } = Promise.withResolvers<void>();
    site = await RegistrySite.start(
      (mirror) => {
        publish(mirror);
        mirror.library.mischief = async ({ at }) => {
          if (at === 'store') await gate;
          return false;
        };
      },
      {},
      { connections: { all: 10, each: 10, stallMs: 50 } },
    );
    await answered(() => ask(site.port, manifest, agents.ollama));
    const held = answered(() => ask(site.port, blob, { ...agents.ranges, range: 'bytes=7-99' }));
    await until(() => site.registry.held === 1);
    // Two that say nothing were opened later, one after the other: what the clock of the held one counts is over by then.
    for (let turn = 0; turn < 2; turn += 1) await once((await opened()).resume(), 'close');
    assert.equal(site.records.filter(({ kind }) => kind === 'blob').length, 0);
    go();
    const { status, body } = await held;
    assert.equal(status, 206);
    assert.ok(body.equals(weights.subarray(7, 100)));
  });

  test('whose client says nothing are cut', async () => {
    site = await RegistrySite.start(publish, {}, { connections: { all: 10, each: 10, stallMs: 50 } });
    const silent = await opened();
    const half = await opened();
    half.write('GET /v2/ HTTP/1.1\r\nHost:');
    const states = [closing(silent.resume()), closing(half.resume())];
    await until(() => states.every(({ closed }) => closed));
  });

  describe('over TLS', { skip: hasOpenssl() ? false : 'needs openssl' }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'vm-'));
    after(() => rmSync(folder, { recursive: true, force: true }));
    let cert: Buffer = Buffer.alloc(0);
    async function start(stallMs: number): Promise<void> {
      const made = makeCertificate(mkdtempSync(join(folder, 'c-')), 'mirror.example');
      cert = made.cert;
      const connections = { all: 10, each: 2, stallMs };
      site = await RegistrySite.start(publish, {}, { tls: { cert, key: made.key }, connections });
      await site.admission.bring(parseModelName('tiny'));
    }
    const secure = async () => {
      const socket = connectTls({
        port: site.port,
        host: '127.0.0.1',
        ca: cert,
        servername: 'mirror.example',
      });
      sockets.push(socket);
      await once(socket, 'secureConnect');
      return socket;
    };

    test('are as many as a share', async () => {
      await start(30_000);
      const [first] = [await secure(), await secure()];
      await assert.rejects(secure());
      first.destroy();
      await until(() =>
        secure().then(
          () => true,
          () => false,
        ),
      );
    });

    test('are cut when their client takes nothing', async () => {
      await start(200);
      const asking = { closed: true };
      await until(async () => {
        if (asking.closed) {
          const socket = await secure().catch(() => undefined);
          if (socket === undefined) return false;
          asking.closed = false;
          socket
            .on('error', () => {})
            .once('close', () => {
              asking.closed = true;
            });
          socket.pause().write(get);
        }
        return site.records.length > 0;
      });
      assert.equal(site.records[0]?.status, 206);
      assert.ok((site.records[0]?.bytes ?? 0) < weights.length);
      await until(() => (openFilesBelow(site.site.data.path) ?? 0) === 0);
    });
  });
});
