import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { openFilesBelow } from '../fixtures/process-counts.ts';
import { agents, ask, openSocket, sendRaw } from '../fixtures/raw-http.ts';
import { RegistrySite } from '../fixtures/registry-site.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import { until } from '../fixtures/until.ts';

const weights = Buffer.from(patternedBytes(20_000_000));
const manifest = '/v2/library/tiny/manifests/latest';
const blob = `/v2/library/tiny/blobs/${sha256(weights)}`;
const get = (range: string, more = '') =>
  `GET ${blob} HTTP/1.1\r\nHost: x\r\nRange: bytes=${range}\r\n${more}\r\n`;
const whole = get('0-');

describe('a connection on which requests are sent ahead of their answers', {
  skip: process.platform === 'linux' ? false : 'needs /proc',
}, () => {
  let site: RegistrySite;
  const sockets: Socket[] = [];
  beforeEach(async () => {
    site = await RegistrySite.start(
      (mirror) => void mirror.publish('library/tiny', 'latest', { model: weights }),
    );
    assert.equal((await ask(site.port, manifest)).status, 200);
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await site[Symbol.asyncDispose]();
  });

  const open = () => openFilesBelow(site.site.data.path);
  /** Asks so often, and reads nothing of any answer. */
  async function unread(requests: string): Promise<Socket> {
    const socket = await openSocket(site.port);
    sockets.push(socket);
    socket.on('error', () => {}).pause();
    socket.write(requests);
    return socket;
  }
  /** Another client gets its bytes meanwhile. */
  async function othersAreServed(): Promise<void> {
    const { status, body } = await ask(site.port, blob, { ...agents.ranges, range: 'bytes=5-999999' });
    assert.equal(status, 206);
    assert.ok(body.equals(weights.subarray(5, 1_000_000)));
  }

  test('has one blob open, and not sixteen; when it is cut, none', async () => {
    const socket = await unread(whole.repeat(16));
    await until(() => open() === 1);
    for (let round = 0; round < 5; round += 1) await othersAreServed();
    assert.equal(open(), 1);
    socket.destroy();
    await until(() => open() === 0);
    await othersAreServed();
    // The one that was cut, and those of the others: what waited was never begun.
    assert.equal(site.records.filter(({ kind }) => kind === 'blob').length, 7);
  });

  test('has one blob open also where each request expects what nobody knows', async () => {
    const socket = await unread(get('0-', 'Expect: something\r\n').repeat(16));
    await until(() => open() === 1);
    await othersAreServed();
    assert.equal(open(), 1);
    socket.destroy();
    await until(() => open() === 0);
  });

  test('and ten of them have ten open', async () => {
    for (let connection = 0; connection < 10; connection += 1) await unread(whole.repeat(16));
    await until(() => open() === 10);
    for (let round = 0; round < 5; round += 1) await othersAreServed();
    assert.equal(open(), 10);
    for (const socket of sockets) socket.destroy();
    await until(() => open() === 0);
  });

  test('is cut when two thousand wait on it, and nothing of it is left', async () => {
    const socket = await unread(whole.repeat(2000));
    let cut = false;
    socket.once('close', () => {
      cut = true;
    });
    socket.resume();
    await until(() => cut && open() === 0);
    await othersAreServed();
    assert.equal(open(), 0);
  });

  test('gets its answers whole, one after the other, in the order of its questions', async () => {
    const ranges = ['0-9', '70-79', '19999990-19999999', '3000000-7000000', '1-1'];
    const asked = ranges.map((range, at) =>
      get(range, at === ranges.length - 1 ? 'Connection: close\r\n' : ''),
    );
    let text = await sendRaw(site.port, asked.join(''));
    for (const range of ranges) {
      const end = text.indexOf('\r\n\r\n') + 4;
      assert.match(
        text.slice(0, end),
        new RegExp(`^HTTP/1\\.1 206 [\\s\\S]*\\r\\ncontent-range: bytes ${range}/`, 'i'),
      );
      const [first = 0, last = 0] = range.split('-').map(Number);
      const length = last + 1 - first;
      assert.ok(
        Buffer.from(text.slice(end, end + length), 'latin1').equals(weights.subarray(first, last + 1)),
      );
      text = text.slice(end + length);
    }
    assert.equal(text, '');
  });

  test('is let go when its client leaves, also while it waits for bytes that are not verified yet', async () => {
    const { promise: gate, resolve: go } = Promise.withResolvers<void>();
    const cold = Buffer.from(patternedBytes(2_000_000, 3));
    site.site.publish('library/cold', 'latest', { model: cold });
    site.site.library.mischief = async ({ at }) => {
      if (at === 'store') await gate;
      return false;
    };
    await ask(site.port, '/v2/library/cold/manifests/latest', agents.ollama);
    const one = `GET /v2/library/cold/blobs/${sha256(cold)} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9\r\n\r\n`;
    const socket = await unread(one.repeat(16));
    await until(() => site.registry.held === 1);
    await othersAreServed();
    assert.equal(site.registry.held, 1);
    socket.destroy();
    await until(() => site.registry.held === 0);
    go();
    await until(() => site.site.events.length === 2);
    assert.equal(site.registry.held, 0);
  });
});
