/** Corners in which the product once differed from the real client, or printed a command that did not repair. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, symlinkSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { runMain } from '../fixtures/run-main.ts';
import { manifestPathOf } from '../fixtures/sample-store.ts';
import { flipByte } from './damages.ts';
import { findOllama, findPullingOllama } from './find-ollama.ts';
import { createModel } from './made-models.ts';
import { OllamaServer } from './ollama-server.ts';
import { check } from './product.ts';
import { PullingSite } from './pulling-site.ts';
import { assertSound, printedCommands, pullFresh } from './repair-scenario.ts';

const lister = findOllama('two differences between our list and that of the real client');

/** Names and ids of a table. */
const columns = (table: string): string[] =>
  [...table.matchAll(/^(\S+) +([0-9a-f]{12}) /gm)].map(([, name, id]) => `${name} ${id}`).sort();

describe('list against `ollama list`', { skip: lister.skip }, () => {
  let server: OllamaServer;
  before(async () => {
    server = await OllamaServer.start(lister.program ?? '');
  });
  after(() => server.stop());

  const assertSameList = async () =>
    assert.deepEqual(
      columns((await runMain(['list', '--store', server.store])).stdout),
      columns((await server.ollama('list')).stdout),
    );

  test('the id where the JSON ends with a full buffer of the Go decoder: its last newline is not in it', async () => {
    // A second licence and a long file name bring the manifest to 1536 bytes and a newline.
    const license = 'One."""\nLICENSE """Two.';
    await createModel(server, 'edge', { license });
    const path = manifestPathOf(server.store, 'registry.ollama.ai/library/edge:latest');
    const short = readFileSync(path).length;
    await createModel(server, 'edge', { license, file: 'x'.repeat('sample.gguf'.length + 1537 - short) });
    assert.equal(readFileSync(path).length, 1537);
    await assertSameList();
  });

  test('the default host in another case is left out too', async () => {
    // No other model may be there: Ollama spells host and namespace as the models do that it has.
    await server.ollama('rm', 'edge');
    await createModel(server, 'Registry.Ollama.AI/Library/mixed');
    await assertSameList();
  });
});

const puller = findPullingOllama('three cases in which the printed command does not repair');

describe('the printed command', { skip: puller.skip }, () => {
  let site: PullingSite;
  before(async () => {
    site = await PullingSite.start(puller.program ?? '');
  });
  after(() => site.stop());

  for (const [what, target] of [
    ['itself', (path: string) => path],
    ['nowhere', () => '/nonexistent/manifest'],
  ] as const) {
    test(`repairs a manifest that is a link to ${what}`, async () => {
      const { manifestPath } = await pullFresh(site);
      rmSync(manifestPath);
      symlinkSync(target(manifestPath), manifestPath);
      const { stdout } = await check(site.store);
      const typed = await site.type(printedCommands(stdout, 'manifest-unreadable').next);
      assert.equal(typed.status, 0, typed.output);
      await assertSound(site.store);
    });
  }

  test('repairs a blob that a pulled model shares with a copy whose name comes first', async () => {
    const sample = await pullFresh(site);
    await site.type('ollama cp sample a-copy');
    flipByte(sample.blob('system'));
    const { stdout } = await check(site.store);
    const typed = await site.type(printedCommands(stdout, 'blob-altered').next);
    assert.equal(typed.status, 0, typed.output);
    await assertSound(site.store);
  });
});
