import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { get, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { addSampleModel, type SampleModel, sha256 } from '../fixtures/sample-store.ts';
import { startConnectProxy } from './connect-proxy.ts';
import { flipByte } from './damages.ts';
import { findPullingOllama } from './find-ollama.ts';
import { PullingSite } from './pulling-site.ts';
import { RegistryStandIn } from './registry-stand-in.ts';
import { type PullingClient, pullFresh } from './repair-scenario.ts';
import { StandInSite } from './stand-in-site.ts';

interface Answer {
  readonly status: number | undefined;
  readonly length: string | undefined;
  readonly location: string | undefined;
  readonly body: Buffer;
}

function ask(url: string, method: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(url, { method, headers, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () =>
        resolve({
          status: answer.statusCode,
          length: answer.headers['content-length'],
          location: answer.headers.location,
          body: Buffer.concat(parts),
        }),
      );
    })
      .on('error', reject)
      .end();
  });
}

describe('the stand-in of the registry answers as recorded', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  let registry: RegistryStandIn;
  let sample: SampleModel;
  let base: string;
  before(async () => {
    registry = await RegistryStandIn.start();
    sample = addSampleModel(folder);
    registry.publish(folder, sample.name);
    base = `http://127.0.0.1:${registry.port}/v2/library/sample`;
  });
  after(async () => {
    await registry.close();
    rmSync(folder, { recursive: true });
  });

  test('the manifest: its raw bytes and their length', async () => {
    const { status, length, body } = await ask(`${base}/manifests/latest`, 'GET');
    assert.deepEqual([status, length, `${body}`], [200, `${sample.manifest.length}`, sample.manifest]);
  });

  test('HEAD of a blob: its length', async () => {
    const url = `${base}/blobs/${sample.digest('system')}`;
    const { status, length } = await ask(url, 'HEAD');
    assert.deepEqual([status, length], [200, '45']);
  });

  test('the probe: 200, nothing in it, and a Location that is itself', async () => {
    const path = `/v2/library/sample/blobs/${sample.digest('system')}`;
    const { status, length, location } = await ask(`${base}/blobs/${sample.digest('system')}`, 'GET', {
      'User-Agent': 'ollama/0.33.0',
    });
    assert.deepEqual([status, length, location], [200, '0', path]);
  });

  test('a range: 206 and exactly that', async () => {
    const url = `${base}/blobs/${sample.digest('system')}`;
    const { status, length, body } = await ask(url, 'GET', { Range: 'bytes=4-11' });
    assert.deepEqual(
      [status, length, `${body}`],
      [206, '8', readFileSync(sample.blob('system'), 'utf8').slice(4, 12)],
    );
    assert.equal((await ask(url, 'GET', { Range: 'bytes=40-45' })).status, 416);
  });

  test('anything else: 404 without a text', async () => {
    const { status, body } = await ask(`${base}/blobs/${sha256(Buffer.from('x'))}`, 'GET');
    assert.deepEqual([status, body.length], [404, 0]);
  });

  test('the proxy leads its one host there and refuses every other', async () => {
    const proxy = await startConnectProxy('registry.ollama.ai', registry.port);
    const connect = (path: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        get(proxy.url, { method: 'CONNECT', path, agent: false })
          .on('connect', (answer, socket) => {
            socket.destroy();
            resolve(answer.statusCode);
          })
          .on('error', reject);
      });
    assert.equal(await connect('registry.ollama.ai:443'), 200);
    assert.equal(await connect('elsewhere.example:443'), 403);
    assert.equal((await ask(`${proxy.url}/`, 'GET')).status, 403);
    assert.deepEqual(proxy.refused, ['elsewhere.example:443', '/']);
    await proxy.close();
  });
});

const { program, skip } = findPullingOllama('that the stand-in of the client does what the real one does');

/** Files of a store with their digests. */
const treeOf = (store: string): string[] =>
  readdirSync(store, { recursive: true, encoding: 'utf8' })
    .filter((path) => statSync(join(store, path)).isFile())
    .map((path) => `${path} ${sha256(readFileSync(join(store, path)))}`)
    .sort();

const errorLine = (output: string): string => /^Error: .*$/m.exec(output)?.[0] ?? '';

describe('the stand-in of the client does what the real one does', { skip }, () => {
  let real: PullingSite;
  let standIn: StandInSite;
  before(async () => {
    real = await PullingSite.start(program ?? '');
    standIn = await StandInSite.start();
  });
  after(async () => {
    await real.stop();
    await standIn.stop();
  });

  /** What a pull did: its requests, its exit status and error, and what then lies in the store. */
  async function pullAfter(client: PullingClient, prepare: (sample: SampleModel) => void) {
    const sample = await pullFresh(client);
    prepare(sample);
    const { status, output } = await client.type('ollama pull sample:latest');
    const requests = client.registry.requests.map(({ method, path, range, agent }) =>
      [method, path, range, agent.split('/')[0]].join(' '),
    );
    return { status, error: errorLine(output), requests, tree: treeOf(client.store) };
  }

  const cases: Readonly<Record<string, (sample: SampleModel, client: PullingClient) => void>> = {
    'when all is there': () => {},
    'when nothing is there': (_sample, { store }) => {
      rmSync(join(store, 'manifests'), { recursive: true });
      rmSync(join(store, 'blobs'), { recursive: true });
    },
    'when a blob is altered': (sample) => flipByte(sample.blob('system')),
    'when a blob is cut off': (sample) => truncateSync(sample.blob('model'), 10),
    'when blobs are missing': (sample) => {
      rmSync(sample.blob('model'));
      rmSync(sample.blob('config'));
    },
    'when the manifest is broken': (sample) => truncateSync(sample.manifestPath, 10),
    'when the registry alters bytes': (sample, { registry }) => {
      rmSync(sample.blob('license'));
      rmSync(sample.blob('template'));
      registry.faults.alter = true;
    },
    'when the registry hides the length': (sample, { registry }) => {
      rmSync(sample.blob('system'));
      rmSync(sample.blob('params'));
      registry.faults.hideLength = true;
    },
  };
  for (const [when, prepare] of Object.entries(cases)) {
    test(when, async () => {
      const [theirs, ours] = await Promise.all(
        [real, standIn].map((client) => pullAfter(client, (sample) => prepare(sample, client))),
      );
      for (const { registry } of [real, standIn]) {
        registry.faults.alter = false;
        registry.faults.hideLength = false;
      }
      assert.deepEqual(ours, theirs);
    });
  }
});
