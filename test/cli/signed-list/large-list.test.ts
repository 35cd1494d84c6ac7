import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { parseAllowList, writeAllowList } from '../../../src/allow-list/index.ts';
import { withInvented } from '../../fixtures/large-list.ts';
import { sampleLayers } from '../../fixtures/sample-store.ts';
import { failing, ofRule, SignedSite, verdicts } from '../../fixtures/signed-site.ts';

const listed = 5000;

let site: SignedSite;

before(async () => {
  site = new SignedSite();
  for (const name of ['one', 'two', 'three']) {
    site.scratch.addModel(`registry.ollama.ai/library/${name}:latest`, sampleLayers(`${name}\n`, name));
  }
  await site.allow('--all');
  const list = parseAllowList(readFileSync(site.list));
  writeFileSync(site.list, writeAllowList({ ...list, models: withInvented(list.models, listed) }));
  await site.sign('alice', '--tables-unseen', '--manifests-unseen');
});

after(() => site.remove());

describe('a list of 5,000 models on a host that holds 3 of them', () => {
  test('is green, and what is absent is one piece of information', async () => {
    const report = await site.check();
    assert.deepEqual([report.status, failing(report)], [0, []]);
    assert.deepEqual(verdicts(report), { 'one:latest': 'ok', 'three:latest': 'ok', 'two:latest': 'ok' });
    const absent = ofRule(report, 'model-absent');
    assert.equal(absent.length, 1);
    assert.deepEqual(
      [absent[0]?.severity, absent[0]?.actual, absent[0]?.message],
      ['info', '4997', '4997 of 5000 listed models are not in the store'],
    );
  });

  test('says nothing of the others when models are named', async () => {
    const report = await site.check('one', 'two');
    assert.deepEqual([report.status, failing(report)], [0, []]);
    assert.deepEqual(verdicts(report), { 'one:latest': 'ok', 'two:latest': 'ok' });
    assert.deepEqual(ofRule(report, 'model-absent'), []);
  });

  test('is 8 for an absent one that was named, with the command that pulls it', async () => {
    const report = await site.check('one', 'invented-77', 'invented-77:latest');
    assert.deepEqual([report.status, failing(report)], [8, ['model-missing 8']]);
    assert.deepEqual(verdicts(report), { 'one:latest': 'ok' });
    assert.deepEqual(
      ofRule(report, 'model-missing').map(({ model, message, hint }) => [model, message, hint]),
      [
        [
          'registry.ollama.ai/library/invented-77:latest',
          'invented-77:latest is listed and not in the store',
          'ollama pull invented-77:latest',
        ],
      ],
    );
  });

  test('is 8 with --require-all, also where a model is named; a thousand are listed, the rest is counted', async () => {
    for (const words of [[], ['one']]) {
      const report = await site.check('--require-all', ...words);
      assert.equal(report.status, 8);
      assert.equal(ofRule(report, 'model-missing').length, 1000);
      assert.deepEqual(report.unlisted, [{ rule: 'model-missing', more: 3997 }]);
      assert.deepEqual(ofRule(report, 'model-absent'), []);
      assert.equal(verdicts(report)['one:latest'], 'ok');
    }
  });

  test('a word that is neither in the store nor listed is still wrong usage', async () => {
    const run = await site.run(...site.checkWords('invented-5000'));
    assert.deepEqual([run.status, run.stdout], [64, '']);
    assert.match(run.stderr, /^verify-models: invented-5000 is neither a command nor a model in this store/);
  });
});
