import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { ApprovingSite, failingRules } from '../fixtures/approving-site.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { addSampleModel, sampleLayers } from '../fixtures/sample-store.ts';

test('an approved chunk table that disagrees with the whole digest is chunk-table-wrong: bit 2 only', async () => {
  using site = new ApprovingSite();
  const layers = [{ kind: 'model', bytes: patternedBytes(20 * 1024 * 1024) }, ...sampleLayers().slice(1)];
  addSampleModel(site.store, 'registry.ollama.ai/library/big:latest', layers);
  site.makeKey('alice');
  await site.allow('--all');
  const [old = ''] = readdirSync(site.path('chunks'));
  const table = readFileSync(site.path(`chunks/${old}`));
  table[0] = (table[0] ?? 0) ^ 1;
  const wrong = createHash('sha256').update(table).digest('hex');
  writeFileSync(site.path(`chunks/${wrong}`), table);
  writeFileSync(site.list, readFileSync(site.list, 'utf8').replaceAll(old, wrong));
  await site.sign('alice', site.list, '--tables-unseen');
  for (const flags of [[], ['--whole']]) {
    const run = await site.check('--key', site.path('alice.pub'), ...flags);
    assert.deepEqual([run.status, failingRules(run)], [2, ['chunk-table-wrong']], run.stdout);
  }
});
