import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Companions } from '../../../src/allow-list/index.ts';
import { ChunkTableBuilder, defaultPieceSize } from '../../../src/hash/index.ts';
import { digestOf } from '../../fixtures/blob-directory.ts';
import { listed } from '../../fixtures/listed-model.ts';
import { listOf } from '../../fixtures/listed-models.ts';
import type { MirrorSite, PublishedModel } from '../../fixtures/mirror-site.ts';
import { patternedBytes } from '../../fixtures/patterned-bytes.ts';
import { agents, ask } from '../../fixtures/raw-http.ts';
import { RegistrySite } from '../../fixtures/registry-site.ts';
import { sha256 } from '../../fixtures/sample-store.ts';
import { until } from '../../fixtures/until.ts';
import { wrongBlobs } from '../../fixtures/whole-blobs.ts';

const manifestPath = '/v2/library/tiny/manifests/latest';
const pathOf = (bytes: Buffer) => `/v2/library/tiny/blobs/${sha256(bytes)}`;

/** As Ollama does: manifest, length, probe, then parts at once, and the digest in the end. */
async function pull(port: number, blobs: readonly Buffer[], parts = 3): Promise<void> {
  const manifest = await ask(port, manifestPath, agents.ollama);
  assert.equal(manifest.status, 200, manifest.body.toString());
  for (const bytes of blobs) {
    const path = pathOf(bytes);
    const size = Number((await ask(port, path, agents.ollama, 'HEAD')).headers['content-length']);
    assert.equal((await ask(port, path, agents.ollama)).headers.location, path);
    const step = Math.ceil(size / parts);
    const got = await Promise.all(
      Array.from({ length: Math.ceil(size / step) }, (_, at) =>
        ask(port, path, {
          ...agents.ranges,
          range: `bytes=${at * step}-${Math.min(size, (at + 1) * step) - 1}`,
        }),
      ),
    );
    for (const { status } of got) assert.equal(status, 206);
    assert.equal(sha256(Buffer.concat(got.map(({ body }) => body))), sha256(bytes));
  }
}

/** Lets what the library sends for a range be decided by the piece it is. */
function gatePieces(site: MirrorSite, wait: (piece: number) => Promise<boolean>): void {
  site.library.mischief = async ({ at, headers }, response) => {
    const start = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
    if (at !== 'store' || (await wait(start / defaultPieceSize))) return false;
    response.destroy();
    return true;
  };
}

describe('many clients and one upstream', () => {
  test('64 clients that pull the same cold model at once cost one download', async () => {
    const weights = Buffer.from(patternedBytes(1_500_000));
    let model: PublishedModel | undefined;
    await using site = await RegistrySite.start((mirror) => {
      model = mirror.publish('library/tiny', 'latest', { model: weights, system: Buffer.from('Be brief.') });
    });
    const blobs = model?.blobs ?? [];
    await Promise.all(Array.from({ length: 64 }, () => pull(site.port, blobs)));
    const bytes = blobs.reduce((sum, blob) => sum + blob.length, 0);
    assert.equal(site.site.library.sent, bytes);
    assert.equal(site.site.library.requests.filter(({ url }) => url === manifestPath).length, 1);
    assert.deepEqual(site.site.events, [`admitted registry.ollama.ai/library/tiny:latest ${bytes}`]);
    assert.deepEqual(site.errors, []);
  });

  test('unplugged after one pull, everything that was pulled is still served', async () => {
    const weights = Buffer.from(patternedBytes(200_000));
    await using site = await RegistrySite.start(
      (mirror) => void mirror.publish('library/tiny', 'latest', { model: weights }),
    );
    await pull(site.port, [weights]);
    const { headers, body } = await ask(site.port, manifestPath);
    await site.site.library.close();
    await pull(site.port, [weights]);
    const digest = String(headers['docker-content-digest']);
    assert.deepEqual((await ask(site.port, `/v2/library/tiny/manifests/${digest}`)).body, body);
    assert.ok((await ask(site.port, pathOf(weights))).body.equals(weights));
  });

  test('unplugged in the middle: the client is told, and the next pull fetches only what was not verified', async () => {
    const weights = Buffer.from(patternedBytes(3 * defaultPieceSize + 5));
    let plugged = false;
    await using site = await RegistrySite.start((mirror) => {
      mirror.publish('library/tiny', 'latest', { model: weights });
      const record = join(mirror.data.path, 'partial', `${sha256(weights).slice(7)}.pieces`);
      const verified = () => existsSync(record) && statSync(record).size >= 32 * 3;
      gatePieces(mirror, async (piece) => {
        if (plugged || piece < 2) return true;
        await until(verified);
        return false;
      });
    });
    assert.equal((await ask(site.port, manifestPath, agents.ollama)).status, 200);
    const part = await ask(site.port, pathOf(weights), { ...agents.ranges, range: 'bytes=0-99' });
    assert.equal(part.status, 502);
    assert.equal(part.body.length, 0);
    const told = await ask(site.port, manifestPath, agents.ollama);
    assert.equal(told.status, 503);
    assert.match(told.body.toString(), /^tiny:latest cannot be had from upstream now: .* cannot be reached/);
    plugged = true;
    site.site.data.ms += 31_000;
    site.site.library.requests.length = 0;
    await pull(site.port, [weights]);
    const again = site.site.library.ranges.filter((range) => range !== 'bytes=0-22').sort();
    assert.deepEqual(again, [
      `bytes=${2 * defaultPieceSize}-${3 * defaultPieceSize - 1}`,
      `bytes=${3 * defaultPieceSize}-${weights.length - 1}`,
    ]);
    assert.deepEqual(wrongBlobs(site.site.data.path), []);
  });

  describe('a range of a blob that is still coming', () => {
    const weights = Buffer.from(patternedBytes(2 * defaultPieceSize + 9, 7));

    async function firstRange(withTable: boolean) {
      let open = () => {};
      const last = new Promise<boolean>((resolve) => {
        open = () => resolve(true);
      });
      const site = await RegistrySite.start((mirror) => {
        const model = mirror.publish('library/tiny', 'latest', { model: weights });
        gatePieces(mirror, (piece) => (piece < 2 ? Promise.resolve(true) : last));
        const entry = listed(model);
        const builder = new ChunkTableBuilder();
        builder.update(weights);
        const table = builder.finish();
        const chunks = {
          size: table.pieceSize,
          count: table.count,
          table: digestOf(Buffer.from(table.bytes)),
        };
        new Companions(`${mirror.data.path}/allow-list.json`).putTable(table);
        const layers = entry.layers.map((layer) => (withTable ? { ...layer, chunks } : layer));
        mirror.approve(listOf({ 'registry.ollama.ai/library/tiny:latest': { ...entry, layers } }));
      });
      await ask(site.port, manifestPath, agents.ollama);
      const asked = ask(site.port, pathOf(weights), { ...agents.ranges, range: 'bytes=100-199' });
      return { site, asked, open };
    }

    test('with a chunk table it goes out as soon as its own piece was verified', async () => {
      const { site, asked, open } = await firstRange(true);
      const { status, body } = await asked;
      assert.equal(status, 206);
      assert.ok(body.equals(weights.subarray(100, 200)));
      assert.deepEqual(site.site.events, []);
      open();
      await until(() => site.site.events.length === 1);
      await site[Symbol.asyncDispose]();
    });

    test('without one it is held until the whole blob was verified', async () => {
      const { site, asked, open } = await firstRange(false);
      let answered = false;
      void asked.then(() => {
        answered = true;
      });
      await until(() => site.registry.held === 1 && site.site.library.ranges.length >= 3);
      assert.equal(answered, false);
      open();
      const { status, body } = await asked;
      assert.equal(status, 206);
      assert.ok(body.equals(weights.subarray(100, 200)));
      await site[Symbol.asyncDispose]();
    });
  });
});
