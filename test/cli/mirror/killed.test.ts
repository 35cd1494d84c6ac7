import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { defaultPieceSize } from '../../../src/hash/index.ts';
import { LibraryStandIn } from '../../fixtures/library-stand-in.ts';
import { patternedBytes } from '../../fixtures/patterned-bytes.ts';
import { agents, ask } from '../../fixtures/raw-http.ts';
import { emptySettings } from '../../fixtures/run-main.ts';
import { sha256 } from '../../fixtures/sample-store.ts';
import { wrongBlobs } from '../../fixtures/whole-blobs.ts';
import { top } from '../../house/sources.ts';

const weights = Buffer.from(patternedBytes(2 * defaultPieceSize + 777));
const config = Buffer.from('{"model_format":"gguf"}');
const descriptor = (mediaType: string, bytes: Buffer) => ({
  mediaType,
  digest: sha256(bytes),
  size: bytes.length,
});
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: descriptor('application/vnd.docker.container.image.v1+json', config),
    layers: [descriptor('application/vnd.ollama.image.model', weights)],
  }),
);

/** `model-mirror serve` as a process of its own, which can be killed. */
class Process {
  readonly child: ChildProcess;
  port = 0;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  static async start(data: string, upstream: string): Promise<Process> {
    const words = [
      'serve',
      '--data',
      data,
      '--upstream',
      upstream,
      '--listen',
      '127.0.0.1:0',
      '--log-level',
      'error',
    ];
    const child = spawn(process.execPath, [join(top, 'dist', 'model-mirror.cjs'), ...words], {
      env: { PATH: process.env.PATH, MODEL_MIRROR_CONFIG: emptySettings },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const started = new Process(child);
    for await (const part of child.stdout ?? []) {
      const found = /serving on http:\/\/127\.0\.0\.1:(\d+)/.exec(String(part));
      if (found === null) continue;
      started.port = Number(found[1]);
      break;
    }
    return started;
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    await exited;
  }
}

describe('a mirror that is killed in the middle of an admission', () => {
  const root = mkdtempSync(join(tmpdir(), 'vm-'));
  let library: LibraryStandIn;
  before(async () => {
    library = await LibraryStandIn.start();
    library.publish('library/tiny', 'latest', manifest, [weights, config]);
  });
  after(async () => {
    await library.close();
    rmSync(root, { recursive: true, force: true });
  });

  /** All of the model through one process, as a client of other tools gets it. */
  async function pull(port: number): Promise<void> {
    const answer = await ask(port, '/v2/library/tiny/manifests/latest', agents.ranges);
    assert.equal(answer.status, 200, answer.body.toString());
    assert.deepEqual(answer.body, manifest);
    for (const bytes of [weights, config]) {
      const blob = await ask(port, `/v2/library/tiny/blobs/${sha256(bytes)}`, agents.ranges);
      assert.ok(blob.body.equals(bytes));
    }
  }

  // After so many bytes that the library has sent, and so many events of the network later.
  for (let seed = 0; seed < 12; seed += 1) {
    test(`at moment ${seed} of 12: nothing unverified is visible, and the same request then succeeds`, async () => {
      const data = join(root, `${seed}`);
      const upstream = library.url.href.replace(/\/$/, '');
      const first = await Process.start(data, upstream);
      let killed = false;
      const killAt = Math.floor((seed * 8) / 12);
      let turn = 0;
      library.mischief = () => {
        turn += 1;
        if (!killed && turn > killAt) {
          killed = true;
          // Later moments of one request: when its bytes are on their way, and when they are being written.
          setTimeout(() => first.child.kill('SIGKILL'), (seed % 3) * 7);
        }
        return false;
      };
      const asked = ask(first.port, '/v2/library/tiny/manifests/latest', agents.ranges).catch(
        () => undefined,
      );
      if (first.child.exitCode === null) await Promise.race([once(first.child, 'exit'), asked]);
      await first.end('SIGKILL');
      await asked;
      library.mischief = undefined;
      assert.deepEqual(wrongBlobs(data), []);
      const second = await Process.start(data, upstream);
      try {
        await pull(second.port);
        assert.deepEqual(wrongBlobs(data), []);
        await second.end('SIGTERM');
        assert.equal(second.child.exitCode, 0);
      } finally {
        await second.end('SIGKILL');
      }
    });
  }
});
