import assert from 'node:assert/strict';
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { blobPath, manifestPathOf, sha256 } from '../fixtures/sample-store.ts';
import { flipByte } from './damages.ts';
import { findOllama } from './find-ollama.ts';
import { createModel } from './made-models.ts';
import { OllamaServer } from './ollama-server.ts';
import { checkStore } from './product.ts';

const { program, skip } = findOllama(
  'that a store made by the real client and damaged in five ways gives exactly those findings and 1|4|8',
);

const names = ['flipped', 'cut', 'deleted', 'linked', 'ambiguous', 'untouched'];
const full = (name: string): string => `registry.ollama.ai/library/${name}:latest`;
const words = (name: string): string => `You answer for ${name}, and for nobody else.`;

describe('a store made by the real client, with five damages', { skip }, () => {
  let server: OllamaServer;
  let elsewhere: string;
  const digest = (name: string): string => sha256(Buffer.from(words(name)));
  const system = (name: string): string => blobPath(server.store, digest(name));

  before(async () => {
    server = await OllamaServer.start(program ?? '');
    for (const name of names) await createModel(server, name, { system: words(name) });
    assert.equal((await checkStore(server.store)).exitCode, 0);

    flipByte(system('flipped'));
    truncateSync(system('cut'), 20);
    rmSync(system('deleted'));
    elsewhere = join(server.folder, 'elsewhere');
    mkdirSync(elsewhere);
    renameSync(system('linked'), join(elsewhere, 'blob'));
    symlinkSync(join(elsewhere, 'blob'), system('linked'));
    const manifest = manifestPathOf(server.store, full('ambiguous'));
    const text = readFileSync(manifest, 'utf8').trimEnd();
    const layers = text.slice(text.indexOf('"layers":') + '"layers":'.length, -1);
    writeFileSync(
      manifest,
      `${text.slice(0, -1)},"LAYERS":${layers.replace(digest('ambiguous'), digest('untouched'))}}\n`,
    );
  });
  after(() => server.stop());

  test('gives exactly those five findings, and 1|4|8', async () => {
    const report = await checkStore(server.store);
    assert.equal(report.exitCode, 13);
    assert.deepEqual(
      report.findings.map(({ rule, severity, bit, model, layer, digest: hit, expected, actual }) => ({
        ...{ rule, severity, bit, model, layer, digest: hit, expected, actual },
      })),
      [
        {
          ...{ rule: 'blob-altered', severity: 'error', bit: 1, model: full('flipped'), layer: 'system' },
          digest: digest('flipped'),
          expected: digest('flipped'),
          actual: sha256(readFileSync(system('flipped'))),
        },
        {
          ...{ rule: 'blob-link-outside', severity: 'error', bit: 4, model: full('linked'), layer: 'system' },
          digest: digest('linked'),
          expected: undefined,
          actual: join(elsewhere, 'blob'),
        },
        {
          ...{ rule: 'blob-missing', severity: 'error', bit: 8, model: full('deleted'), layer: 'system' },
          digest: digest('deleted'),
          expected: digest('deleted'),
          actual: undefined,
        },
        {
          ...{ rule: 'blob-wrong-size', severity: 'error', bit: 1, model: full('cut'), layer: 'system' },
          digest: digest('cut'),
          expected: `${words('cut').length}`,
          actual: '20',
        },
        {
          ...{ rule: 'manifest-ambiguous', severity: 'error', bit: 1, model: full('ambiguous') },
          layer: undefined,
          digest: sha256(readFileSync(manifestPathOf(server.store, full('ambiguous')))),
          expected: undefined,
          actual: undefined,
        },
      ],
    );
  });

  test('gives each model its own verdict, and the untouched one, which shares their weights, stays ok', async () => {
    const { models, summary } = await checkStore(server.store);
    assert.deepEqual(Object.fromEntries(models.map(({ name, status }) => [name, status])), {
      [full('ambiguous')]: 'altered',
      [full('cut')]: 'altered',
      [full('deleted')]: 'missing',
      [full('flipped')]: 'altered',
      [full('linked')]: 'unchecked',
      [full('untouched')]: 'ok',
    });
    assert.equal(summary.ok, 1);
    assert.equal(summary.orphans, 0);
  });

  test('is read through the link where --follow-links-into allows it, and the rest stays as it is', async () => {
    const report = await checkStore(server.store, '--follow-links-into', elsewhere);
    assert.equal(report.exitCode, 9);
    assert.deepEqual(
      report.findings.map(({ rule, bit }) => `${rule} ${bit}`),
      ['blob-altered 1', 'blob-missing 8', 'blob-wrong-size 1', 'manifest-ambiguous 1', 'blob-link 0'],
    );
  });

  test('loses nothing of it: what was damaged is as it was', () => {
    assert.equal(statSync(system('cut')).size, 20);
    assert.equal(readFileSync(join(elsewhere, 'blob'), 'utf8'), words('linked'));
  });

  test('is listed by the real client as if nothing had happened', async () => {
    await server.restart();
    const { status, stdout } = await server.ollama('list');
    assert.equal(status, 0);
    for (const name of names) assert.match(stdout, new RegExp(`^${name}:latest `, 'm'));
  });
});
