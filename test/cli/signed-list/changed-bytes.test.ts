import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type SampleModel, sampleLayers, sha256 } from '../../fixtures/sample-store.ts';
import { failing, ofRule, SignedSite, verdicts } from '../../fixtures/signed-site.ts';

let site: SignedSite;
let sample: SampleModel;

beforeEach(async () => {
  site = new SignedSite();
  sample = site.scratch.addModel();
  site.scratch.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Other.\n', 'other'));
  await site.approve();
});

afterEach(() => site.remove());

function changeOneCharacter(path: string, from: string, to: string): void {
  writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
}

describe('one character changed in a template', () => {
  test('of a blob on the disk is exit 1, and the message says "template" and whose', async () => {
    changeOneCharacter(sample.blob('template'), '<|user|>', '<|usEr|>');
    const report = await site.check();
    assert.deepEqual([report.status, failing(report)], [1, ['blob-altered 1']]);
    // Both models have the same template, in one blob.
    assert.deepEqual(verdicts(report), { 'other:latest': 'altered', 'sample:latest': 'altered' });
    assert.match(
      ofRule(report, 'blob-altered')[0]?.message ?? '',
      /^the template layer of other:latest, sample:latest is altered/,
    );
  });

  test('in a new blob with a new manifest, all of whose digests agree, is exit 1 and says so too', async () => {
    const layers = sampleLayers().map(({ kind, bytes }) =>
      kind === 'template'
        ? { kind, bytes: Buffer.from(`${bytes}`.replace('<|user|>', '<|usEr|>')) }
        : { kind, bytes },
    );
    const replaced = site.scratch.addModel(undefined, layers);
    const report = await site.check();
    assert.deepEqual([report.status, failing(report)], [1, ['model-not-as-listed 1']]);
    const [finding] = ofRule(report, 'model-not-as-listed');
    assert.deepEqual(
      [finding?.message, finding?.layer, finding?.model, finding?.expected, finding?.actual],
      [
        'sample:latest is not what was approved: the template is another one',
        'template',
        'registry.ollama.ai/library/sample:latest',
        sha256(Buffer.from(sample.manifest)),
        sha256(Buffer.from(replaced.manifest)),
      ],
    );
    assert.equal(finding?.hint, `verify-models diff ${site.list} --store ${site.store}`);
    const shown = await site.must(...(finding?.hint ?? '').split(' ').slice(1));
    assert.match(shown.stdout, /\n {4}-.*<\|user\|>.*\n {4}\+.*<\|usEr\|>/);
  });
});

describe('one byte of the list changed', () => {
  test('anywhere is exit 2: nothing is trusted, and integrity is checked all the same', async () => {
    const bytes = readFileSync(site.list);
    const approved = sha256(bytes);
    for (const at of [0, bytes.indexOf('"version"') + 11, bytes.length >> 1, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(site.list, changed);
      const report = await site.check();
      assert.deepEqual([report.status, failing(report)], [2, ['list-changed 2']], `byte ${at}`);
      assert.deepEqual(verdicts(report), { 'other:latest': 'untrusted', 'sample:latest': 'untrusted' });
      assert.equal(report.allowList, null);
      const [finding] = ofRule(report, 'list-changed');
      assert.deepEqual([finding?.expected, finding?.actual], [approved, sha256(changed)]);
      assert.match(
        finding?.message ?? '',
        /^the allow-list is not the one that was approved by .*alice\.pub: /,
      );
    }
    changeOneCharacter(sample.blob('system'), 'careful', 'Careful');
    const both = await site.check();
    assert.deepEqual([both.status, failing(both)], [3, ['blob-altered 1', 'list-changed 2']]);
    assert.deepEqual(verdicts(both), { 'other:latest': 'untrusted', 'sample:latest': 'altered' });
  });

  test('a byte more and a byte less are changes too', async () => {
    const bytes = readFileSync(site.list);
    for (const changed of [Buffer.concat([bytes, Buffer.from('\n')]), bytes.subarray(0, -1)]) {
      writeFileSync(site.list, changed);
      assert.deepEqual(failing(await site.check()), ['list-changed 2']);
    }
  });

  test('the text report says why nothing is trusted, and what to type', async () => {
    writeFileSync(site.list, `${readFileSync(site.list, 'utf8')} `);
    const run = await site.run(...site.checkWords());
    assert.equal(run.status, 2);
    assert.match(run.stdout, /\ntrust: the allow-list was not accepted, so nothing is trusted\n/);
    assert.match(run.stdout, /\nnext: verify-models explain list-changed\n$/);
  });
});
