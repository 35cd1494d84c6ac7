import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { serverProcesses } from '../../src/running/index.ts';

describe('the processes of a server', { skip: process.platform !== 'linux' && 'needs Linux' }, () => {
  let server: Server;
  let child: ChildProcess;
  const port = () => {
    const address = server.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  };
  before(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    // A child, and a child of that one.
    child = spawn('sh', ['-c', "sh -c 'echo $$; read x'; true"], { stdio: ['pipe', 'pipe', 'inherit'] });
  });
  after(async () => {
    server.close();
    const closed = once(child, 'close');
    child.stdin?.end();
    await closed;
  });

  test('are the one that listens on its port, and all that it started', async () => {
    const [text] = (await once(child.stdout ?? child, 'data')) as [Buffer];
    const found = serverProcesses(port());
    assert.ok(found.has(process.pid));
    assert.ok(found.has(child.pid ?? 0));
    assert.ok(found.has(Number(text.toString())));
    assert.ok(!found.has(1) || process.pid === 1);
    assert.ok(!found.has(process.ppid));
  });

  test('are none where nobody listens', () => {
    const unused = port();
    server.close();
    assert.deepEqual(serverProcesses(unused), new Set());
  });
});
