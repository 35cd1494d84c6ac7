import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { volumesOf } from '../../fixtures/archive-volumes.ts';
import { GapSite } from '../../fixtures/gap-site.ts';
import { bareEnvironment, emptySettings } from '../../fixtures/run-main.ts';
import { until } from '../../fixtures/until.ts';
import { top } from '../../house/sources.ts';

describe('a pipe that its sender holds open', () => {
  let site: GapSite;
  let child: ChildProcess;
  beforeEach(async () => {
    site = await GapSite.make();
    const words = ['import', '-', '--data', site.there.data, '--policy', 'observe'];
    child = spawn(process.execPath, [join(top, 'dist', 'model-mirror.cjs'), ...words], {
      env: { ...bareEnvironment, PATH: process.env.PATH, MODEL_MIRROR_CONFIG: emptySettings },
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    child.stdin?.on('error', () => {});
  });
  afterEach(() => {
    child.kill('SIGKILL');
    site[Symbol.dispose]();
  });

  const ended = async () => {
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    await once(child, 'close');
    return { status: child.exitCode, stderr };
  };

  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    test(`${signal} ends an import that waits for it`, async () => {
      const [volume] = await volumesOf(await site.plan(), 64 * 1024);
      child.stdin?.write(volume?.subarray(0, 30_000));
      // It reads the volume, and what comes next is held back.
      await until(() => existsSync(join(site.there.data, 'incoming')));
      const end = ended();
      child.kill(signal);
      assert.deepEqual(await end, {
        status,
        stderr: 'model-mirror: the work was cancelled before it was done (CANCELLED)\n',
      });
    });

  test('what is refused ends it at once', async () => {
    child.stdin?.write(Buffer.alloc(2000));
    const { status, stderr } = await ended();
    assert.equal(status, 64);
    assert.match(stderr, /the pipe is no archive of this tool: it begins with a block of zeros/);
  });
});
