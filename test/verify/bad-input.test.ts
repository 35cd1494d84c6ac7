import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { checkStore, failures, found, statuses } from '../fixtures/check-store.ts';
import { addSampleModel, sha256, writeManifest } from '../fixtures/sample-store.ts';
import { inMemory, ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
beforeEach(() => {
  store = new ScratchStore(inMemory());
});
afterEach(() => store.remove());

const limited = { timeout: 60_000 };
const ok = { 'sample:latest': 'ok' };
const touch = (path: string): void => closeSync(openSync(path, 'w'));

describe('directories thousands deep', () => {
  test('are read 64 levels deep, and what lies below is told', limited, async () => {
    addSampleModel(store.path);
    mkdirSync(store.at('manifests', ...Array(1500).fill('d')), { recursive: true });
    mkdirSync(store.at('blobs', ...Array(1500).fill('d')), { recursive: true });
    const report = await checkStore(store.path);
    const path = ['manifests', ...Array(64).fill('d')].join('/');
    assert.deepEqual(found(report), [`store-unreadable 4 ${path}`]);
    assert.equal(
      report.findings[0]?.message,
      `${path.slice(0, 120)}... is deeper than 64 levels; what lies below was not read`,
    );
    assert.deepEqual([report.exitCode, statuses(report)], [4, ok]);
  });
});

describe('a hundred thousand entries in blobs/', () => {
  const count = 100_000;
  /** A third each: foreign names, partial downloads, and empty files under names of blobs. */
  const nameOf = (n: number): string => {
    const hex = createHash('sha256').update(`${n}`).digest('hex');
    return n % 3 === 0 ? `foreign-${n}` : `sha256-${hex}${n % 3 === 1 ? '-partial' : ''}`;
  };

  test(
    'are all looked at: a thousand findings of a rule are listed, the rest is counted',
    limited,
    async () => {
      addSampleModel(store.path);
      for (let n = 0; n < count; n += 1) touch(store.at('blobs', nameOf(n)));
      const events = new Map<string, number>();
      const finding = ({ rule }: { readonly rule: string }) =>
        void events.set(rule, (events.get(rule) ?? 0) + 1);
      const report = await checkStore(store.path, { observer: { finding } });
      const third = Math.floor(count / 3);
      const rules = {
        'orphan-altered': third,
        'blob-foreign': third + 1,
        'blob-orphan': third,
        'blob-partial': third,
      };
      for (const [rule, all] of Object.entries(rules)) {
        assert.equal(report.findings.filter((one) => one.rule === rule).length, 1000, rule);
        assert.equal(report.unlisted.find((one) => one.rule === rule)?.more, all - 1000, rule);
        assert.equal(events.get(rule), 1000, rule);
      }
      assert.equal(report.findings.length, 4000);
      assert.deepEqual([report.exitCode, statuses(report)], [1, ok]);
      const { blobs, orphans, partials } = report.summary;
      assert.deepEqual([blobs, orphans, partials], [third + 6, third, third]);
      let proofs = 0;
      for (const { proof } of report.blobs) if (proof === 'size') proofs += 1;
      assert.equal(proofs, third);
    },
  );
});

describe('a manifest with as many layers as 4 MiB hold', () => {
  const descriptor = (n: number) => ({ mediaType: 'x', digest: sha256(Buffer.from(`${n}`)), size: n });

  test(
    'all of them missing is told at once: the sentence about the rest is not counted anew for each',
    limited,
    async () => {
      const layers = Array.from({ length: 36_000 }, (_, n) => descriptor(n + 1));
      writeManifest(
        store.path,
        'registry.ollama.ai/library/many:latest',
        JSON.stringify({
          schemaVersion: 2,
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          config: descriptor(0),
          layers,
        }),
      );
      const report = await checkStore(store.path);
      assert.deepEqual(
        [report.findings.length, report.unlisted],
        [1000, [{ rule: 'blob-missing', more: 35_001 }]],
      );
      assert.match(report.findings[0]?.message ?? '', / is missing; 36000 more not in order$/);
      assert.deepEqual([report.exitCode, statuses(report)], [8, { 'many:latest': 'missing' }]);
    },
  );
});

describe('many models', () => {
  test('whose names differ in case only are one finding', limited, async () => {
    const { manifest } = addSampleModel(store.path);
    rmSync(store.at('manifests', 'registry.ollama.ai'), { recursive: true });
    const folder = store.at('manifests', 'registry.ollama.ai', 'library', 'm');
    mkdirSync(folder, { recursive: true });
    for (let n = 0; n < 512; n += 1) {
      const tag = [...'abcdefghi']
        .map((letter, bit) => ((n >> bit) & 1 ? letter.toUpperCase() : letter))
        .join('');
      writeFileSync(join(folder, tag), manifest);
    }
    const report = await checkStore(store.path);
    assert.deepEqual(
      report.findings.map(({ rule }) => rule),
      ['name-case-collision'],
    );
    assert.match(report.findings[0]?.message ?? '', /^512 models have names that differ in case only: /);
    assert.deepEqual([report.summary.ok, failures(report)], [512, []]);
  });
});
