import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { checkStore } from '../fixtures/check-store.ts';
import { openDescriptors } from '../fixtures/process-counts.ts';
import { addSampleModel, type SampleModel, sha256 } from '../fixtures/sample-store.ts';
import { inMemory, ScratchStore } from '../fixtures/scratch-store.ts';
import { treeState } from '../fixtures/tree-state.ts';

let store: ScratchStore;
let sample: SampleModel;
before(() => {
  store = new ScratchStore(inMemory());
  // Blobs are another test's business: without them each check takes a moment.
  sample = addSampleModel(store.path);
  rmSync(store.at('blobs'), { recursive: true });
  mkdirSync(store.at('blobs'));
});
after(() => store.remove());

/** A manifest that is good but for one piece. */
const nearlyGood = fc
  .tuple(
    fc.nat(),
    fc.nat({ max: 12 }),
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.constantFrom('"', '{', '\\', ',', '0', '\u0000', '\ufeff', '\\u0061', '"LAYERS":', '9e9'),
    ),
  )
  .map(([at, length, put]) => {
    const start = at % sample.manifest.length;
    return Buffer.from(sample.manifest.slice(0, start) + put + sample.manifest.slice(start + length));
  });

/** JSON of the right shape with values of any kind. */
const shaped = fc
  .record(
    {
      schemaVersion: fc.oneof(fc.constant(2), fc.jsonValue()),
      mediaType: fc.oneof(
        fc.constant('application/vnd.docker.distribution.manifest.v2+json'),
        fc.jsonValue(),
      ),
      config: fc.oneof(
        fc.constant({ mediaType: 'x', digest: sha256(Buffer.from('x')), size: 1 }),
        fc.jsonValue(),
      ),
      layers: fc.oneof(fc.constant([]), fc.constant(null), fc.array(fc.jsonValue())),
      toString: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  .map((value) => Buffer.from(JSON.stringify(value)));

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.json().map((text) => Buffer.from(text)),
  fc
    .tuple(
      fc.constantFrom('[', '{"a":', '"', '\\', '0', '-', '{"layers":['),
      fc.integer({ min: 1, max: 100_000 }),
    )
    .map(([unit, count]) => Buffer.from(unit.repeat(count))),
  nearlyGood,
  shaped,
);

describe('no bytes', () => {
  test('in the place of a manifest make a check throw or write, and none but a refusal is without a verdict', async () => {
    const descriptors = openDescriptors();
    const property = fc.asyncProperty(anyBytes, async (bytes) => {
      writeFileSync(sample.manifestPath, bytes);
      const state = treeState(store.path);
      const report = await checkStore(store.path);
      assert.deepEqual(treeState(store.path), state);
      const [model] = report.models;
      assert.deepEqual([report.models.length, model?.manifestDigest], [1, sha256(bytes)]);
      // Without its blobs a manifest that is accepted misses something; one that is refused is altered.
      const refused = report.findings.filter(
        ({ rule }) => rule === 'manifest-broken' || rule === 'manifest-ambiguous',
      );
      assert.deepEqual(
        [model?.status, report.exitCode],
        refused.length === 1 ? ['altered', 1] : ['missing', 8],
      );
      assert.ok(refused.length === 1 || report.findings.every(({ rule }) => rule === 'blob-missing'));
    });
    await fc.assert(property, { numRuns: 300 });
    assert.equal(openDescriptors(), descriptors);
  });

  test('in the place of a config make a check throw: it is judged, or the model is ok', async () => {
    await fc.assert(
      fc.asyncProperty(anyBytes, async (bytes) => {
        rmSync(store.path, { recursive: true });
        store.addModel('registry.ollama.ai/library/any:latest', [], bytes);
        const model = store.at('manifests/registry.ollama.ai/library/any/latest');
        const config = { mediaType: 'x', digest: sha256(bytes), size: bytes.length };
        writeFileSync(model, JSON.stringify({ schemaVersion: 2, config, layers: [config] }));
        const report = await checkStore(store.path);
        const rules = report.findings.map(({ rule }) => rule);
        assert.ok(
          rules.length <= 1 && rules.every((rule) => rule === 'config-ambiguous' || rule === 'model-remote'),
          rules.join(),
        );
        assert.equal(report.models[0]?.status, rules[0] === 'config-ambiguous' ? 'altered' : 'ok');
      }),
      { numRuns: 25 },
    );
  });
});
