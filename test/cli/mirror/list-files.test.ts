import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { listFilesOf } from '../../../cli/mirror/list-files.ts';
import { patternedBytes } from '../../fixtures/patterned-bytes.ts';
import { openFilesBelow } from '../../fixtures/process-counts.ts';
import { ask, openSocket } from '../../fixtures/raw-http.ts';
import { RegistrySite } from '../../fixtures/registry-site.ts';
import { until } from '../../fixtures/until.ts';

const table = 'a'.repeat(64);
const large = Buffer.from(patternedBytes(20_000_000));
const top = '/verify-models/v1';

describe('files of the list', { skip: process.platform === 'linux' ? false : 'needs /proc' }, () => {
  let folder = '';
  let site: RegistrySite;
  const sockets: Socket[] = [];
  beforeEach(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'vm-')));
    for (const name of ['chunks', 'manifests']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'allow-list.json'), large);
    writeFileSync(join(folder, 'chunks', table), 'a table');
    writeFileSync(join(folder, 'manifests', table), '');
    const listFiles = listFilesOf({ 'allow-list': join(folder, 'allow-list.json') });
    site = await RegistrySite.start(() => {}, {}, { listFiles });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await site[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  test('that fifty clients ask for and do not read are open once, and are closed when the clients leave', async () => {
    for (let client = 0; client < 50; client += 1) {
      const socket = (await openSocket(site.port)).on('error', () => {}).pause();
      sockets.push(socket);
      socket.write(`GET ${top}/allow-list.json HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(10));
    }
    for (let turn = 0; turn < 3; turn += 1)
      assert.ok((await ask(site.port, `${top}/allow-list.json`)).body.equals(large));
    assert.equal(openFilesBelow(folder), 1);
    for (const socket of sockets) socket.destroy();
    await until(() => openFilesBelow(folder) === 0);
  });

  test('come byte for byte, with their length, also an empty one; HEAD reads nothing of them', async () => {
    for (const [name, bytes] of [
      [`chunks/${table}`, Buffer.from('a table')],
      [`manifests/${table}`, Buffer.alloc(0)],
      ['allow-list.json', large],
    ] as const) {
      const { status, headers, body } = await ask(site.port, `${top}/${name}`);
      assert.deepEqual([status, headers['content-length']], [200, `${bytes.length}`]);
      assert.ok(body.equals(bytes));
      const head = await ask(site.port, `${top}/${name}`, {}, 'HEAD');
      assert.deepEqual(
        [head.status, head.headers['content-length'], head.body.length],
        [200, `${bytes.length}`, 0],
      );
    }
    assert.equal(openFilesBelow(folder), 0);
  });

  test('that were replaced come as they are now; those that are not there are unknown', async () => {
    writeFileSync(join(folder, 'allow-list.json'), 'another list');
    assert.equal((await ask(site.port, `${top}/allow-list.json`)).body.toString(), 'another list');
    for (const name of ['trust.json', `chunks/${'b'.repeat(64)}`, 'allow-list.json.sigstore.jsonl'])
      assert.equal((await ask(site.port, `${top}/${name}`)).status, 404, name);
  });
});
