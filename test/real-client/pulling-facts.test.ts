import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { SampleModel } from '../fixtures/sample-store.ts';
import { flipByte } from './damages.ts';
import { findPullingOllama } from './find-ollama.ts';
import { checkStore, rulesOf } from './product.ts';
import { PullingSite } from './pulling-site.ts';
import { assertSound, pullFresh } from './repair-scenario.ts';

const { program, skip } = findPullingOllama('what the rules say that `ollama pull` does');

const pull = 'ollama pull sample:latest';

describe('ollama pull', { skip }, () => {
  let site: PullingSite;
  let sample: SampleModel;
  before(async () => {
    site = await PullingSite.start(program ?? '');
  });
  beforeEach(async () => {
    site.registry.faults.alter = false;
    site.registry.faults.hideLength = false;
    sample = await pullFresh(site);
  });
  after(() => site.stop());

  const empty = () => rmSync(site.store, { recursive: true, force: true });
  const rules = async () => rulesOf(await checkStore(site.store));
  const blobs = () => readdirSync(join(site.store, 'blobs')).length;

  test('writes the manifest as the registry sent it', async () => {
    await assertSound(site.store);
    assert.equal(statSync(sample.manifestPath).size, sample.manifest.length);
  });

  test('from a registry that alters bytes leaves them under their names; the check finds each before the next pull', async () => {
    empty();
    site.registry.faults.alter = true;
    const bad = await site.type(pull);
    assert.equal(bad.status, 1);
    assert.match(bad.output, /digest mismatch, file must be downloaded again/);
    assert.equal(existsSync(sample.manifestPath), false);
    assert.equal(blobs(), 5);
    const report = await checkStore(site.store);
    assert.equal(report.exitCode, 1);
    assert.equal(rulesOf(report).filter((rule) => rule === 'orphan-altered').length, 5);
  });

  test('from a good registry says success over what a bad one left, and the check finds it', async () => {
    empty();
    site.registry.faults.alter = true;
    await site.type(pull);
    site.registry.faults.alter = false;
    const good = await site.type(pull);
    assert.equal(good.status, 0, good.output);
    assert.match(good.output, /success/);
    assert.deepEqual(await rules(), Array(5).fill('blob-altered'));
  });

  test('from a registry that hides the length leaves empty files, and says success over them later', async () => {
    empty();
    site.registry.faults.hideLength = true;
    const bad = await site.type(pull);
    assert.equal(bad.status, 1);
    assert.match(bad.output, /digest mismatch/);
    site.registry.faults.hideLength = false;
    const good = await site.type(pull);
    assert.match(good.output, /success/);
    const report = await checkStore(site.store);
    assert.equal(report.exitCode, 1);
    assert.deepEqual(rulesOf(report), Array(5).fill('blob-empty'));
  });

  test('goes on with a download that was not finished, whatever is in it: the printed commands need a second round', async () => {
    flipByte(sample.blob('system'));
    const { size } = statSync(sample.blob('system'));
    writeFileSync(`${sample.blob('system')}-partial`, 'x'.repeat(size));
    writeFileSync(
      `${sample.blob('system')}-partial-0`,
      `${JSON.stringify({ N: 0, Offset: 0, Size: size, Completed: size })}\n`,
    );
    const first = await checkStore(site.store);
    assert.deepEqual(rulesOf(first), ['blob-altered', 'blob-partial', 'blob-partial']);
    const again = await site.type(first.findings[0]?.hint ?? '');
    assert.equal(again.status, 1);
    assert.match(again.output, /digest mismatch/);
    const second = await checkStore(site.store);
    assert.deepEqual(rulesOf(second), ['blob-missing']);
    const last = await site.type(second.findings[0]?.hint ?? '');
    assert.equal(last.status, 0, last.output);
    await assertSound(site.store);
  });

  test('of a model that was only made here fails, after its altered blob was removed', async () => {
    assert.equal((await site.type('ollama cp sample made-here && ollama rm sample')).status, 0);
    flipByte(sample.blob('system'));
    const { findings } = await checkStore(site.store);
    const typed = await site.type(findings[0]?.hint ?? '');
    assert.equal(typed.status, 1);
    assert.match(typed.output, /file does not exist/);
    assert.deepEqual(await rules(), ['blob-missing']);
  });
});
