import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BufferPool, bufferSize, sendBytes } from '../../server/send-bytes.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { ask, openSocket } from '../fixtures/raw-http.ts';

const bytes = Buffer.from(patternedBytes(3 * bufferSize + 123));

/** A pool that says how many of its buffers are out. */
class CountingPool extends BufferPool {
  out = 0;
  override take(client: string): Buffer {
    this.out += 1;
    return super.take(client);
  }
  override give(client: string, buffer: Buffer): void {
    this.out -= 1;
    super.give(client, buffer);
  }
}

describe('bytes of a file on their way to a client', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  const path = join(folder, 'blob');
  const pool = new CountingPool();
  let fd = 0;
  /** What is done with the next request. */
  let answer: (response: ServerResponse) => Promise<void> = async () => {};
  let outcome: Promise<void> = Promise.resolve();
  const server = createServer((_, response) => {
    outcome = answer(response);
    outcome.catch(() => response.destroy());
  });
  before(async () => {
    writeFileSync(path, bytes);
    fd = openSync(path, 'r');
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  after(() => {
    closeSync(fd);
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });
  const port = () => (server.address() as AddressInfo).port;
  const sending = (start: number, end: number) => async (response: ServerResponse) => {
    response.writeHead(200, { 'content-length': end - start });
    assert.equal(await sendBytes(fd, { start, end }, response, pool), true);
    response.end();
  };

  for (const [start, end] of [
    [0, 1],
    [0, bufferSize],
    [1, bufferSize + 1],
    [7, bytes.length],
    [0, bytes.length],
  ] as const) {
    test(`from ${start} to ${end}: exactly these, and the buffers come back`, async () => {
      answer = sending(start, end);
      const { body } = await ask(port(), '/');
      assert.ok(body.equals(bytes.subarray(start, end)));
      await outcome;
      assert.equal(pool.out, 0);
    });
  }

  test('a client that leaves ends the sending, and the buffers come back', async () => {
    let ended: boolean | undefined;
    answer = async (response) => {
      response.writeHead(200, { 'content-length': bytes.length * 1000 });
      for (ended = true; ended; )
        ended = await sendBytes(fd, { start: 0, end: bytes.length }, response, pool);
    };
    const socket = await openSocket(port());
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
    await once(socket, 'close');
    await outcome;
    assert.equal(ended, false);
    assert.equal(pool.out, 0);
  });

  test('a file that ends before the range does is an error, so that the connection is cut', async () => {
    const short = join(folder, 'short');
    writeFileSync(short, bytes);
    truncateSync(short, 100);
    const opened = openSync(short, 'r');
    answer = async (response) => {
      response.writeHead(200, { 'content-length': 200 });
      await sendBytes(opened, { start: 0, end: 200 }, response, pool);
    };
    await assert.rejects(ask(port(), '/'));
    await assert.rejects(outcome, /the file ends before the range does/);
    assert.equal(pool.out, 0);
    closeSync(opened);
  });
});

describe('buffers', () => {
  /** Bytes of so many buffers for one client. */
  const bytesFor = (pool: BufferPool, client: string, count: number) =>
    Array.from({ length: count }, () => pool.take(client)).reduce((sum, { length }) => sum + length, 0);

  test('of one client are large for sixteen ranges, and smaller the more there are', () => {
    const pool = new BufferPool();
    assert.equal(bytesFor(pool, '10.0.0.1', 32), 32 * bufferSize);
    // 512 connections that take nothing.
    assert.equal(bytesFor(pool, '10.0.0.1', 96), 96 * 256 * 1024);
    assert.equal(bytesFor(pool, '10.0.0.1', 896), 896 * 32 * 1024);
  });

  test('of another client are large while the first one takes nothing', () => {
    const pool = new BufferPool();
    bytesFor(pool, '10.0.0.1', 40);
    assert.equal(pool.take('10.0.0.2').length, bufferSize);
  });

  test('of four thousand clients add up to half a GiB', () => {
    const pool = new BufferPool();
    let sum = 0;
    for (let client = 0; client < 4096; client += 1) sum += bytesFor(pool, `client ${client}`, 2);
    assert.equal(sum, 64 * 2 ** 20 + 960 * 2 ** 18 + 7168 * 2 ** 15);
    assert.ok(sum < 0.52 * 2 ** 30);
  });

  test('that come back are used again, and a client that has none left is forgotten', () => {
    const pool = new BufferPool();
    const first = pool.take('a');
    pool.give('a', first);
    assert.equal(pool.take('b'), first);
  });
});
