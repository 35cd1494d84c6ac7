import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { LyingSite, sampleName } from '../../fixtures/lying-list.ts';
import { sampleLayers, sha256 } from '../../fixtures/sample-store.ts';
import { failing, ofRule, type SiteReport, verdicts } from '../../fixtures/signed-site.ts';

let site: LyingSite;
beforeEach(async () => {
  site = await LyingSite.make();
});
afterEach(() => site.remove());

const short = (digest: string) => digest.slice(7, 19);
const checkEvil = async (...words: string[]): Promise<SiteReport> => {
  const { status, stdout } = await site.run(...site.evilWords('check', '--json', ...words));
  return { status, ...JSON.parse(stdout) };
};

describe('a list that pins the manifest of one model and lists the layers of another, approved by the right key', () => {
  beforeEach(async () => {
    site.lie();
    await site.approveBlindly();
  });

  test('is refused by a check of the store that has the pinned manifest, and nothing in it is trusted', async () => {
    const report = await checkEvil();
    assert.deepEqual([report.status, failing(report)], [2, ['list-contradicts-manifest 2']]);
    assert.deepEqual([verdicts(report), report.allowList], [{ 'sample:latest': 'untrusted' }, null]);
    const [finding] = ofRule(report, 'list-contradicts-manifest');
    const [listed, named] = [site.good.digest('system'), site.evil.digest('system')];
    assert.deepEqual(
      [finding?.model, finding?.layer, finding?.expected, finding?.actual, finding?.hint],
      [sampleName, 'system', listed, named, 'verify-models explain list-contradicts-manifest'],
    );
    assert.equal(
      finding?.message,
      `the allow-list contradicts the manifest that it pins for sample:latest: it lists the system ${short(listed)}, and the manifest names the system ${short(named)} there`,
    );
  });

  test('is refused whole: a model of which it tells the truth is not trusted either, nor one that is named alone', async () => {
    site.evilStore.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Another.\n', 'other'));
    site.scratch.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Another.\n', 'other'));
    await site.allow('other', '--list-id', 'models');
    await site.approveBlindly();
    assert.deepEqual(verdicts(await checkEvil()), {
      'other:latest': 'untrusted',
      'sample:latest': 'untrusted',
    });
    const alone = await checkEvil('other');
    assert.deepEqual([alone.status, verdicts(alone)], [2, { 'other:latest': 'untrusted' }]);
  });

  test('is not remembered: the same version told truly is accepted afterwards', async () => {
    const lies = readFileSync(site.list, 'utf8');
    await checkEvil();
    assert.deepEqual(
      existsSync(site.state) ? readdirSync(site.state).filter((name) => name.startsWith('list-')) : [],
      [],
    );
    site.edit(sha256(Buffer.from(site.evil.manifest)), sha256(Buffer.from(site.good.manifest)));
    await site.sign();
    assert.notEqual(readFileSync(site.list, 'utf8'), lies);
    const report = await site.check();
    assert.deepEqual([report.status, failing(report)], [0, []]);
  });

  test('starts nothing, whatever exec makes of a store that is not in order', async () => {
    for (const kind of ['stop', 'quarantine', 'serve-allowed']) {
      const words = site.evilWords(
        'exec',
        '--on-fail',
        kind,
        '--expect-digest',
        sha256(readFileSync(site.list)),
      );
      const run = await site.run(...words, '--', '/bin/echo', 'started');
      assert.equal(run.status, 2, kind);
      assert.match(run.stderr, /list-contradicts-manifest: .*not started: the check failed\n$/s, kind);
      assert.doesNotMatch(run.stdout + run.stderr, /verify-models (?:allow|sign|keygen)/, kind);
    }
  });

  test('is refused where the reviewer has the layers that it lists, under a manifest that was written again', async () => {
    // Nothing of the other model is in his store: its manifest lies beside the list.
    const before = await site.check();
    assert.deepEqual([before.status, ofRule(before, 'manifest-rewritten').length], [0, 1]);
    site.putEvilBeside();
    const report = await site.check('--state', site.beside('another'));
    assert.deepEqual([report.status, failing(report)], [2, ['list-contradicts-manifest 2']]);
  });

  test('is refused where the pinned manifest lies under a name that nobody listed', async () => {
    const store = site.evilStore;
    store.addModel(
      'registry.ollama.ai/library/stranger:latest',
      sampleLayers('You are a careless assistant. Obey me now.\n'),
    );
    const report = await checkEvil('stranger', '--allow-copies');
    assert.deepEqual([report.status, failing(report).slice(0, 1)], [2, ['list-contradicts-manifest 2']]);
  });
});

describe('a list is refused when it says otherwise, and everything else is the same,', () => {
  const cases: Readonly<Record<string, (text: string) => string>> = {
    'the size of the manifest': (text) => text.replace(/("size":)(\d+)/, '$11$2'),
    'the size of the config': (text) => text.replace(/("config": \{.*"size":)(\d+)/, '$11$2'),
    'the size of a layer': (text) => text.replace(/(image\.system".*"size":)(\d+)/, '$11$2'),
    'the media type of the config': (text) =>
      text.replace('docker.container.image.v1+json', 'docker.other.v1+json'),
    'the media type of a layer': (text) => text.replace('image.system', 'image.messages'),
    'the name of a file': (text) => text.replace(/(image\.system".*"size":\d+)/, '$1,"name":"x"'),
    'the order of two layers': (text) =>
      text.replace(/(\{.*image\.template.*\}),\s*(\{.*image\.system.*\})/, '$2, $1'),
    'that there is a layer less': (text) => text.replace(/,\s*\{.*image\.license.*\}/, ''),
    'that there is a layer more': (text) =>
      text.replace(
        /(\{.*image\.license.*\})/,
        (layer) => `${layer}, ${layer.replace('license', 'messages')}`,
      ),
  };
  for (const [what, change] of Object.entries(cases))
    test(what, async () => {
      const text = readFileSync(site.list, 'utf8');
      site.edit(text, change(text));
      await site.approveBlindly();
      const report = await site.check('--whole', '--exact');
      assert.deepEqual([report.status, failing(report)], [2, ['list-contradicts-manifest 2']]);
      assert.deepEqual(verdicts(report), { 'sample:latest': 'untrusted' });
    });
});
