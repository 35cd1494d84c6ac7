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
  override take(): Buffer {
    this.out += 1;
    return super.take();
  }
  override give(buffer: Buffer): void {
    this.out -= 1;
    super.give(buffer);
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
