import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { agents, ask } from '../fixtures/raw-http.ts';
import { RegistrySite } from '../fixtures/registry-site.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import { until } from '../fixtures/until.ts';

/** What x/transfer does with each blob: it reads one body to find out where the blob is, and then the blob. */
async function transfer(port: number, path: string): Promise<{ bytes: Buffer; wasted: number }> {
  let wasted = 0;
  let target = path;
  for (let hops = 0; hops < 10; hops += 1) {
    const { status, headers, body } = await ask(port, target, agents.transfer);
    wasted += body.length;
    if (status !== 307) break;
    target = String(headers.location);
  }
  const { status, body } = await ask(port, target, agents.transfer);
  assert.equal(status, 200);
  return { bytes: body, wasted };
}

describe('the registry, for the client of tensor models', () => {
  const layers = [patternedBytes(300_000), patternedBytes(70_000, 3)].map((bytes) => Buffer.from(bytes));
  const tensors = Object.fromEntries(layers.map((bytes, at) => [at === 0 ? 'tensor' : 'json', bytes]));

  test('each blob is sent once, over its own host and port', async () => {
    await using site = await RegistrySite.start(
      (mirror) => void mirror.publish('library/t', 'latest', tensors),
    );
    await ask(site.port, '/v2/library/t/manifests/latest', agents.ollama);
    for (const bytes of layers) {
      const path = `/v2/library/t/blobs/${sha256(bytes)}`;
      const { headers } = await ask(site.port, path, agents.transfer);
      assert.match(String(headers.location), new RegExp(`^${path}\\?n=[0-9a-f]+$`));
      const got = await transfer(site.port, path);
      assert.ok(got.bytes.equals(bytes));
      assert.equal(got.wasted, 0);
    }
  });

  test('a second reading of the same address, and a range of it after a cut, get the bytes too', async () => {
    await using site = await RegistrySite.start(
      (mirror) => void mirror.publish('library/t', 'latest', tensors),
    );
    await ask(site.port, '/v2/library/t/manifests/latest', agents.ollama);
    const [bytes = Buffer.alloc(0)] = layers;
    const path = `/v2/library/t/blobs/${sha256(bytes)}`;
    const { headers } = await ask(site.port, path, agents.transfer);
    const nonce = String(headers.location);
    assert.equal((await ask(site.port, nonce, agents.transfer)).body.length, 0);
    for (let again = 0; again < 2; again += 1)
      assert.ok((await ask(site.port, nonce, agents.transfer)).body.equals(bytes));
    const rest = await ask(site.port, nonce, { ...agents.transfer, range: 'bytes=1000-' });
    assert.equal(rest.status, 206);
    assert.ok(rest.body.equals(bytes.subarray(1000)));
  });

  test('waits at the manifest until all of the model is here', async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    await using site = await RegistrySite.start((mirror) => {
      mirror.publish('library/t', 'latest', tensors);
      mirror.library.mischief = async ({ at }) => {
        if (at === 'store') await gate;
        return false;
      };
    });
    let answered = false;
    const manifest = ask(site.port, '/v2/library/t/manifests/latest', agents.ollama).then((answer) => {
      answered = true;
      return answer;
    });
    await until(() => site.site.library.requests.some(({ at }) => at === 'store'));
    assert.equal(answered, false);
    open();
    assert.equal((await manifest).status, 200);
    assert.deepEqual(site.site.events.length, 1);
  });

  test('and hears 503 with a sentence when that takes too long, while the fetch goes on', async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    await using site = await RegistrySite.start(
      (mirror) => {
        mirror.publish('library/t', 'latest', tensors);
        mirror.library.mischief = async ({ at }) => {
          if (at === 'store') await gate;
          return false;
        };
      },
      { after: () => AbortSignal.abort() },
    );
    const { status, headers, body } = await ask(site.port, '/v2/library/t/manifests/latest', agents.ollama);
    assert.equal(status, 503);
    assert.equal(headers['retry-after'], '60');
    assert.match(
      body.toString(),
      /^t:latest is being fetched; try again in a few minutes|is being fetched; try again/,
    );
    open();
    await until(() => site.site.events.length === 1);
    assert.equal((await ask(site.port, '/v2/library/t/manifests/latest', agents.ollama)).status, 200);
  });
});
