import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bytesOf } from '../../fixtures/archive-bytes.ts';
import { carriedModel, twoModels } from '../../fixtures/archive-site.ts';
import { GapSite } from '../../fixtures/gap-site.ts';
import { patternedBytes } from '../../fixtures/patterned-bytes.ts';
import { bareEnvironment, emptySettings } from '../../fixtures/run-main.ts';
import { until } from '../../fixtures/until.ts';
import { wrongBlobs } from '../../fixtures/whole-blobs.ts';
import { top } from '../../house/sources.ts';

/** Three pieces, of which a reader records each. */
const weights = Buffer.from(patternedBytes(40 * 2 ** 20, 11));
const day = 86_400_000;
const text = (date: Date) => date.toISOString().replace(/\.\d{3}Z$/, 'Z');

type Program = 'model-mirror' | 'verify-models';

/** A program of the build in a process of its own, killed as soon as something holds. */
async function run(
  program: Program,
  words: readonly string[],
  killWhen = () => false,
): Promise<number | null> {
  const child = spawn(process.execPath, [join(top, 'dist', `${program}.cjs`), ...words], {
    env: { ...bareEnvironment, PATH: process.env.PATH, MODEL_MIRROR_CONFIG: emptySettings },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  await until(() => child.exitCode !== null || killWhen());
  child.kill('SIGKILL');
  await exited;
  return child.exitCode;
}

const namesIn = (path: string): string[] =>
  existsSync(path) ? readdirSync(path, { recursive: true, encoding: 'utf8' }) : [];
const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? -1;
const filesIn = (path: string) => namesIn(path).filter((name) => statSync(join(path, name)).isFile());

describe('a process that is killed, and the same words again', () => {
  let site: GapSite;
  let right: Buffer;
  before(async () => {
    const large = carriedModel('registry.ollama.ai/library/large:latest', { model: weights });
    const now = Date.now();
    const dates = { issued: text(new Date(now - day)), expires: text(new Date(now + 100 * day)) };
    site = await GapSite.make({ models: [...twoModels(), large], dates });
    right = await bytesOf(await site.plan());
    writeFileSync(site.archive, right);
  });
  after(() => site[Symbol.dispose]());

  const folder = (name: string) => {
    const path = join(site.folder, name);
    mkdirSync(path);
    return path;
  };

  for (const share of [0, 0.3, 0.6, 0.95])
    test(`export, when ${share * 100} % are written: the archive is as it would have been`, async () => {
      const out = join(folder(`export-${share}`), 'models.tar');
      const words = [
        'export',
        '--data',
        site.data,
        '--allow-list',
        site.listPath,
        '--key',
        site.key,
        '-o',
        out,
      ];
      const reached = () => sizeOf(`${out}.partial`) >= share * right.length;
      const first = await run('model-mirror', words, reached);
      assert.equal(existsSync(out), first === 0);
      assert.equal(await run('model-mirror', words), 0);
      assert.ok(readFileSync(out).equals(right));
    });

  const partial = (data: string) => namesIn(join(data, 'partial'));
  const recorded = (data: string) =>
    partial(data).some((name) => name.endsWith('.pieces') && sizeOf(join(data, 'partial', name)) > 32);
  for (const [when, reached] of [
    ['its data is made', (data: string) => existsSync(join(data, 'catalog.sqlite'))],
    ['the first blob is on its way', (data: string) => partial(data).length > 0],
    ['a piece was verified', recorded],
    ['three blobs are whole', (data: string) => filesIn(join(data, 'blobs')).length > 2],
  ] as const)
    test(`import, when ${when}: nothing wrong is here, and then all of it`, async () => {
      const root = folder(`import ${when}`);
      const data = join(root, 'data');
      const list = join(root, 'allow-list.json');
      const words = ['import', '--data', data, '--allow-list', list, '--key', site.key, site.archive];
      const first = await run('model-mirror', words, () => reached(data));
      if (first !== 0) assert.deepEqual(existsSync(join(data, 'blobs')) ? wrongBlobs(data) : [], []);
      assert.equal(await run('model-mirror', words), 0);
      assert.deepEqual(wrongBlobs(data), []);
      assert.equal(filesIn(join(data, 'blobs')).length, 5);
      // A blob that was published just before has its lock left, which nobody holds.
      assert.deepEqual(
        partial(data).filter((name) => !/\.(?:lock(?:\.[0-9a-f]{8})?|pieces)$/.test(name)),
        [],
      );
      assert.equal(await run('model-mirror', ['log', 'verify', '--data', data]), 0);
      const out = join(root, 'again.tar');
      const again = ['export', '--data', data, '--allow-list', list, '--key', site.key, '-o', out];
      assert.equal(await run('model-mirror', again), 0);
      assert.ok(readFileSync(out).equals(right));
    });

  for (const [when, reached] of [
    ['there is a place to work in', (store: string) => existsSync(`${store}.verify-models`)],
    ['a piece was verified', (store: string) => recorded(`${store}.verify-models`)],
    ['the first blob is in the store', (store: string) => filesIn(join(store, 'blobs')).length > 0],
    ['the first model is there', (store: string) => filesIn(join(store, 'manifests')).length > 0],
  ] as const)
    test(`install, when ${when}: no model lacks a blob, and then all are there`, async () => {
      const root = folder(`install ${when}`);
      const store = folder(`install ${when}/models`);
      const host = ['--store', store, '--jobs', '1', '--key', site.key];
      const list = ['--allow-list', join(root, 'allow-list.json'), '--state', join(root, 'state')];
      const first = await run('verify-models', ['install', ...host, ...list, site.archive], () =>
        reached(store),
      );
      // Whatever is there is whole: the manifest comes last.
      if (first !== 0 && filesIn(store).length > 0)
        assert.equal(await run('verify-models', ['check', '--store', store, '--jobs', '1']), 0);
      assert.equal(await run('verify-models', ['install', ...host, ...list, site.archive]), 0);
      assert.equal(await run('verify-models', ['check', ...host, ...list, '--require-all']), 0);
    });
});
