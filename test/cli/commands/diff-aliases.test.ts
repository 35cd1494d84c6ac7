import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ApprovingSite } from '../../fixtures/approving-site.ts';
import { addSampleModel, sampleLayers } from '../../fixtures/sample-store.ts';

const mirrored = 'mirror.example/library/sample:latest';

describe('a store with models under the name of a mirror', () => {
  let site: ApprovingSite;
  beforeEach(async () => {
    site = new ApprovingSite();
    addSampleModel(site.store);
    await site.allow('--all');
    const list = JSON.parse(readFileSync(site.list, 'utf8')) as object;
    const aliases = { 'mirror.example': 'registry.ollama.ai' };
    writeFileSync(site.list, JSON.stringify({ ...list, aliases }));
  });
  afterEach(() => site[Symbol.dispose]());

  const screen = () => site.done('diff', site.list, '--store', site.store);

  test('the same model under both names is one model, unchanged', async () => {
    addSampleModel(site.store, mirrored);
    assert.match(await screen(), /\n0 added, 0 not in the store, 0 changed, 1 unchanged\n/);
  });

  test('another model under the name of the mirror is not hidden by the listed one', async () => {
    addSampleModel(site.store, mirrored, sampleLayers('Other.\n'));
    const shown = await screen();
    assert.match(shown, /\nadded {4}mirror\.example\/library\/sample:latest /);
    assert.match(shown, /\n1 added, 0 not in the store, 0 changed, 1 unchanged\n/);
  });
});
