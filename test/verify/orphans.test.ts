import assert from 'node:assert/strict';
import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { checkStore, found, statuses } from '../fixtures/check-store.ts';
import { sha256 } from '../fixtures/sample-store.ts';
import { blobName, ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
beforeEach(() => {
  store = new ScratchStore();
  store.addModel();
});
afterEach(() => store.remove());

describe('a blob that no manifest names', () => {
  const stray = Buffer.from('an orphan');
  const digest = sha256(stray);
  const name = blobName(digest);

  test('is information while its bytes are right, and is hashed', async () => {
    writeFileSync(store.blob(digest), stray);
    const report = await checkStore(store.path);
    assert.deepEqual(
      report.findings.map(({ rule, bit, severity, path, actual, message, hint }) => [
        rule,
        bit,
        severity,
        path,
        actual,
        message,
        hint,
      ]),
      [
        [
          'blob-orphan',
          0,
          'info',
          name,
          '9',
          `${name} (9 B) is named by no manifest; it is hashed all the same`,
          `rm ${store.blob(digest)}`,
        ],
      ],
    );
    assert.deepEqual(
      [report.exitCode, report.summary.orphans, statuses(report)],
      [0, 1, { 'sample:latest': 'ok' }],
    );
    assert.equal(report.summary.hashedBytes, report.summary.bytes);
  });

  for (const [what, bytes, says] of [
    ['other bytes', Buffer.from('an Orphan'), 'is altered (two readings agree)'],
    ['nothing in it', Buffer.alloc(0), 'is an empty file (the digest of nothing is e3b0c442...)'],
  ] as const) {
    test(`with ${what} is what the next pull takes for a cache hit: altered`, async () => {
      writeFileSync(store.blob(digest), bytes);
      const report = await checkStore(store.path);
      assert.deepEqual(
        report.findings.map(({ rule, bit, path, expected, actual, message, hint, model, layer }) => [
          rule,
          bit,
          path,
          expected,
          actual,
          message,
          hint,
          model,
          layer,
        ]),
        [
          [
            'orphan-altered',
            1,
            name,
            digest,
            sha256(bytes),
            `${name}, which no manifest names, ${says}`,
            `rm ${store.blob(digest)}`,
            undefined,
            undefined,
          ],
          [
            'blob-orphan',
            0,
            name,
            undefined,
            `${bytes.length}`,
            report.findings[1]?.message,
            `rm ${store.blob(digest)}`,
            undefined,
            undefined,
          ],
        ],
      );
      assert.deepEqual([report.exitCode, statuses(report)], [1, { 'sample:latest': 'ok' }]);
    });
  }

  test('is left alone where models are named', async () => {
    writeFileSync(store.blob(digest), 'altered');
    const report = await checkStore(store.path, { models: ['sample'] });
    assert.deepEqual([found(report), report.exitCode, report.summary.blobs], [[], 0, 6]);
    assert.ok(existsSync(store.blob(digest)));
  });

  test('may be a link to nowhere, which misses nothing', async () => {
    symlinkSync('/nonexistent/blob', store.blob(digest));
    const report = await checkStore(store.path);
    assert.deepEqual(found(report), [`blob-orphan 0 ${name}`]);
    assert.equal(
      report.findings[0]?.message,
      `${name} is a link to a file that is not there; no manifest names it`,
    );
    assert.deepEqual([report.exitCode, report.summary.orphans, report.summary.blobs], [0, 1, 6]);
  });

  test('may be a link that leaves the store, which hides what the next pull takes for a cache hit', async () => {
    writeFileSync(store.beside('elsewhere'), stray);
    symlinkSync(store.beside('elsewhere'), store.blob(digest));
    const report = await checkStore(store.path);
    assert.deepEqual(found(report), [`blob-link-outside 4 ${name}`]);
    assert.equal(report.exitCode, 4);
  });
});
