import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { checkStore, found, statuses } from '../fixtures/check-store.ts';
import type { SampleModel } from '../fixtures/sample-store.ts';
import { ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
let sample: SampleModel;
let elsewhere: string;
beforeEach(() => {
  store = new ScratchStore();
  sample = store.addModel();
  elsewhere = store.beside('big');
  mkdirSync(elsewhere);
});
afterEach(() => store.remove());

const ok = { 'sample:latest': 'ok' };
const unchecked = { 'sample:latest': 'unchecked' };

describe('a manifest behind a link', () => {
  const path = 'manifests/registry.ollama.ai/library/sample/latest';

  test('inside the store is read and told', async () => {
    renameSync(sample.manifestPath, store.at('manifest.json'));
    symlinkSync(store.at('manifest.json'), sample.manifestPath);
    const report = await checkStore(store.path);
    assert.deepEqual([found(report), statuses(report)], [[`manifest-link 0 ${path}`], ok]);
  });

  test('that leaves the store leaves its model unchecked, in one finding; the hint allows it', async () => {
    const target = join(elsewhere, 'manifest');
    renameSync(sample.manifestPath, target);
    symlinkSync(target, sample.manifestPath);
    const report = await checkStore(store.path, { models: ['sample'] });
    assert.deepEqual(
      report.findings.map(({ rule, bit, path: where, actual, hint }) => [rule, bit, where, actual, hint]),
      [
        [
          'store-link-outside',
          4,
          path,
          target,
          `verify-models --store ${store.path} --follow-links-into ${target}`,
        ],
      ],
    );
    assert.deepEqual([report.exitCode, statuses(report)], [4, unchecked]);
    const allowed = await checkStore(store.path, { followLinksInto: [target] });
    assert.deepEqual([found(allowed), statuses(allowed)], [[`manifest-link 0 ${path}`], ok]);
  });

  test('in a linked directory that leaves the store is not seen: one finding, whether it was named or not', async () => {
    const folder = dirname(sample.manifestPath);
    renameSync(folder, join(elsewhere, 'sample'));
    symlinkSync(join(elsewhere, 'sample'), folder);
    for (const models of [[], ['sample'], ['SAMPLE']]) {
      const report = await checkStore(store.path, { models });
      const told = report.findings.filter(({ rule }) => rule !== 'blob-orphan');
      assert.deepEqual(
        told.map(({ rule, bit }) => [rule, bit]),
        [['store-link-outside', 4]],
      );
      assert.deepEqual(new Set(report.findings.map(({ hint }) => hint?.startsWith('rm '))).has(true), false);
      assert.equal(report.exitCode, 4);
    }
    await assert.rejects(checkStore(store.path, { models: ['other'] }), { code: 'COMMAND_UNKNOWN' });
    const allowed = await checkStore(store.path, { followLinksInto: [elsewhere] });
    assert.deepEqual([allowed.exitCode, statuses(allowed)], [0, ok]);
  });
});

describe('manifests/ and blobs/', () => {
  for (const part of ['manifests', 'blobs'] as const) {
    const rule = part === 'blobs' ? 'blob-link' : 'manifest-link';

    test(`${part}/ may be a link inside the store, and is told`, async () => {
      renameSync(store.at(part), store.at('moved'));
      symlinkSync('moved', store.at(part));
      const report = await checkStore(store.path);
      assert.deepEqual([found(report), statuses(report)], [[`${rule} 0 ${part}`], ok]);
    });

    test(`${part}/ as a link that leaves the store is not read, and nothing is called missing`, async () => {
      renameSync(store.at(part), join(elsewhere, part));
      symlinkSync(join(elsewhere, part), store.at(part));
      const report = await checkStore(store.path);
      const told = report.findings.filter((finding) => finding.rule !== 'blob-orphan');
      assert.deepEqual(
        told.map((finding) => [finding.rule, finding.bit, finding.path, finding.hint]),
        [
          [
            'store-link-outside',
            4,
            part,
            `verify-models --store ${store.path} --follow-links-into ${join(elsewhere, part)}`,
          ],
        ],
      );
      assert.equal(report.exitCode, 4);
      assert.deepEqual(statuses(report), part === 'blobs' ? unchecked : {});
      const allowed = await checkStore(store.path, { followLinksInto: [elsewhere] });
      assert.deepEqual([found(allowed), statuses(allowed)], [[`${rule} 0 ${part}`], ok]);
    });

    test(`${part}/ as a file, a link to itself or a link to nowhere cannot be read`, async () => {
      for (const put of [
        (path: string) => writeFileSync(path, ''),
        (path: string) => symlinkSync(part, path),
        (path: string) => symlinkSync('/nonexistent', path),
      ]) {
        rmSync(store.at(part), { recursive: true, force: true });
        put(store.at(part));
        const report = await checkStore(store.path);
        const told = report.findings.filter((finding) => finding.rule !== 'blob-orphan');
        assert.deepEqual(
          told.map((finding) => [finding.rule, finding.bit, finding.path]),
          [['store-unreadable', 4, part]],
        );
        assert.equal(report.exitCode, 4);
      }
    });
  }
});

describe('linked directories of manifests', () => {
  const limited = { timeout: 60_000 };

  test('are read as Ollama reads them: one model under two names', async () => {
    symlinkSync('registry.ollama.ai', store.at('manifests', 'mirror.corp'));
    const report = await checkStore(store.path);
    assert.deepEqual(found(report), ['manifest-link 0 manifests/mirror.corp']);
    assert.deepEqual(statuses(report), { 'mirror.corp/library/sample:latest': 'ok', ...ok });
    assert.equal(report.summary.blobs, 6);
  });

  for (const [what, target] of [
    ['itself', 'up'],
    ['the directory above it', '..'],
    ['manifests/', '../..'],
  ] as const) {
    test(`that lead to ${what} end there`, limited, async () => {
      const up = store.at('manifests', 'registry.ollama.ai', 'library', 'up');
      symlinkSync(target, up);
      const report = await checkStore(store.path);
      const path = 'manifests/registry.ollama.ai/library/up';
      if (what === 'itself') assert.deepEqual(found(report)[0], `manifest-unreadable 4 ${path}`);
      else assert.deepEqual(found(report), [`store-unreadable 4 ${path}`, `manifest-link 0 ${path}`]);
      assert.deepEqual([report.exitCode, statuses(report)], [4, ok]);
    });
  }

  test('that multiply are followed a thousand times, and no further', limited, async () => {
    // Ten directories, each with links to the ten of the next level: 10 to the power of 7 paths.
    for (let level = 0; level < 8; level += 1) {
      for (let at = 0; at < 10; at += 1) {
        const folder = store.at('manifests', `${level}-${at}`);
        mkdirSync(folder);
        for (let next = 0; level < 7 && next < 10; next += 1) {
          symlinkSync(`../${level + 1}-${next}`, join(folder, `${next}`));
        }
      }
    }
    const report = await checkStore(store.path);
    assert.deepEqual([report.exitCode, statuses(report)], [4, ok]);
    const links = report.findings.filter(({ rule }) => rule === 'manifest-link').length;
    const unlisted = report.unlisted.find(({ rule }) => rule === 'manifest-link')?.more ?? 0;
    const refused = report.findings.filter(({ rule }) => rule === 'store-unreadable');
    assert.equal(links, 1000);
    assert.equal(links + unlisted, 1000 + refused.length);
    assert.match(refused[0]?.message ?? '', / is a link that leads back above itself, or one link too many$/);
  });
});
