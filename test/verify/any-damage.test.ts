import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { checkStore } from '../fixtures/check-store.ts';
import { flipBit } from '../fixtures/damage.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { sampleConfig, sampleLayers, sha256, writeBlob } from '../fixtures/sample-store.ts';
import { inMemory, ScratchStore } from '../fixtures/scratch-store.ts';

let store: ScratchStore;
/** Every blob file: name below the store, size, and whether a manifest names it. */
let files: {
  readonly path: string;
  readonly digest: string;
  readonly size: number;
  readonly named: boolean;
}[];

before(() => {
  store = new ScratchStore(inMemory());
  const named: string[] = [];
  for (const name of ['a', 'b']) {
    const layers = [
      { kind: 'model', bytes: patternedBytes(1_200_000, name === 'a' ? 3 : 5) },
      ...sampleLayers(name).slice(1),
    ];
    const model = store.addModel(
      `registry.ollama.ai/library/${name}:latest`,
      layers,
      sampleConfig({ base_name: name }),
    );
    named.push(model.digest('config'), ...layers.map(({ kind }) => model.digest(kind)));
  }
  const orphans = [1, 4096, 4097, 524_288, 600_000].map((size) =>
    writeBlob(store.path, patternedBytes(size, size)),
  );
  const old = sha256(Buffer.from('an old name'));
  writeFileSync(store.at('blobs', old), 'an old name');
  const file = (digest: string, path: string, isNamed: boolean) => ({
    digest,
    path,
    size: statSync(path).size,
    named: isNamed,
  });
  files = [
    ...new Map(named.map((digest) => [digest, file(digest, store.blob(digest), true)])).values(),
    ...orphans.map((digest) => file(digest, store.blob(digest), false)),
    file(old, store.at('blobs', old), false),
  ];
});
after(() => store.remove());

describe('a damaged byte anywhere in any blob file', () => {
  const places = fc.uniqueArray(
    fc.tuple(fc.nat(), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat({ max: 7 })),
    {
      ...{ minLength: 1, maxLength: 8 },
      selector: ([which]) => which % 15,
    },
  );

  test('is found, referenced or not: exactly the damaged ones, each with the digest that it has now', async () => {
    assert.equal(files.length, 15);
    const property = fc.asyncProperty(places, fc.integer({ min: 1, max: 3 }), async (damages, jobs) => {
      const hit = damages.map(([which, where, bit]) => {
        const file = files[which % files.length];
        if (file === undefined) throw new Error('there is no such file');
        const intact = readFileSync(file.path);
        flipBit(file.path, Math.floor(where * file.size), bit);
        return { ...file, intact, actual: sha256(readFileSync(file.path)) };
      });
      const report = await checkStore(store.path, { jobs });
      for (const { path, intact } of hit) writeFileSync(path, intact);
      const told = report.findings.filter(({ bit }) => bit !== 0);
      assert.deepEqual(
        told.map(({ rule, digest, expected, actual }) => [rule, digest, expected, actual].join(' ')).sort(),
        hit
          .map(({ digest, named, actual }) =>
            [named ? 'blob-altered' : 'orphan-altered', digest, digest, actual].join(' '),
          )
          .sort(),
      );
      assert.equal(report.exitCode, 1);
      assert.equal(
        report.summary.ok < 2,
        hit.some(({ named }) => named),
      );
    });
    await fc.assert(property, { numRuns: 25 });
    assert.equal((await checkStore(store.path)).exitCode, 0, 'and nothing is found once all is as it was');
  });
});
