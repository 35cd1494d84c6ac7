import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { type AllowList, type Decision, decide, type ListedModel } from '../../src/allow-list/index.ts';
import { digestFromBytes, parseManifest, parseModelName } from '../../src/oci/index.ts';
import { layer, listedModel, listOf } from '../fixtures/listed-models.ts';

const name = 'registry.ollama.ai/library/sample:latest';

/** The model of a store, with a manifest of these descriptors. */
function stored(as: string, { config, layers }: ListedModel, more: object = {}) {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      config,
      layers,
      ...more,
    }),
  );
  const reading = parseManifest(bytes);
  assert.ok(reading.ok, JSON.stringify(reading));
  const manifestDigest = digestFromBytes(createHash('sha256').update(bytes).digest());
  return { name: parseModelName(as), manifestDigest, manifestSize: bytes.length, manifest: reading.manifest };
}

/** The same list, in which the model's manifest is the one that the store has. */
function approving(model: ListedModel, rest: Partial<AllowList> = {}): AllowList {
  const { manifestDigest: digest, manifestSize: size } = stored(name, model);
  return listOf({ [name]: { ...model, manifest: { digest, size } } }, rest);
}

const kind = (decision: Decision) => decision.kind;
const model = listedModel();

describe('a model is what its full name says', () => {
  test('listed, with the listed manifest', () => {
    const decision = decide(approving(model), stored(name, model));
    assert.equal(decision.kind === 'listed' && decision.listedAs, name);
  });

  test('listed under the host for which the alias stands, and under no other', () => {
    const list = approving(model, { aliases: new Map([['mirror.corp', 'registry.ollama.ai']]) });
    const decision = decide(list, stored('mirror.corp/library/sample:latest', model));
    assert.equal(decision.kind === 'listed' && decision.listedAs, name);
    assert.equal(kind(decide(list, stored('other.corp/library/sample:latest', model))), 'copy');
  });

  test('listed under the host for which the alias stands, in any case of it', () => {
    const list = approving(model, { aliases: new Map([['Mirror.Corp', 'registry.ollama.ai']]) });
    for (const host of ['mirror.corp', 'MIRROR.corp', 'Mirror.Corp'])
      assert.equal(kind(decide(list, stored(`${host}/library/sample:latest`, model))), 'listed');
  });

  test('a copy under another name, which names at most three that it is a copy of', () => {
    const models = Object.fromEntries(['a', 'b', 'c', 'd'].map((m) => [`h.ai/library/${m}:latest`, model]));
    const decision = decide(listOf(models), stored('h.ai/library/e:latest', model));
    assert.deepEqual(
      decision.kind === 'copy' && decision.of,
      ['a', 'b', 'c'].map((m) => `h.ai/library/${m}:latest`),
    );
  });

  test('not listed, with the names that it could be taken for', () => {
    const other = listedModel({ model: 'others' });
    const decision = decide(approving(model), stored('samp1e', other));
    assert.deepEqual(decision, { kind: 'not-listed', near: [name] });
    assert.deepEqual(decide(approving(model), stored('elephant', other)), { kind: 'not-listed', near: [] });
  });
});

describe('other bytes of the manifest', () => {
  const list = approving(model);

  test('with the same content are a rewritten manifest', () => {
    const annotated = [{ ...model.layers[0], from: 'sample' }, ...model.layers.slice(1)];
    const decision = decide(list, stored(name, { ...model, layers: annotated as ListedModel['layers'] }));
    assert.equal(kind(decision), 'rewritten');
  });

  test('with another top-level key are another model, whatever the content', () => {
    assert.equal(kind(decide(list, stored(name, model, { annotations: { a: 'b' } }))), 'differs');
  });

  const others: readonly (readonly [string, ListedModel, readonly string[]])[] = [
    [
      'another template',
      { ...model, layers: [layer('model', 'weights'), layer('template', 'other')] },
      ['template'],
    ],
    ['another config', listedModel({ config: '{"a":1}' }), ['config']],
    ['a layer more', { ...model, layers: [...model.layers, layer('system', 'be evil')] }, ['system']],
    ['a layer less', { ...model, layers: model.layers.slice(0, 1) }, ['template']],
    ['another order', { ...model, layers: model.layers.toReversed() }, []],
    ['another media type', { ...model, config: { ...model.config, mediaType: 'application/x' } }, []],
    ['a name on a layer', { ...model, layers: model.layers.map((one) => ({ ...one, name: 'x' })) }, []],
  ];
  for (const [what, changed, layers] of others)
    test(`with ${what} are another model`, () => {
      const decision = decide(list, stored(name, changed));
      assert.ok(decision.kind === 'differs');
      assert.deepEqual(
        decision.changes.map((change) => change.kind),
        layers,
      );
    });
});

test('a list is read through once, however many models of a store it does not name', () => {
  let reads = 0;
  class CountedMap<K, V> extends Map<K, V> {
    override [Symbol.iterator]() {
      reads += 1;
      return super[Symbol.iterator]();
    }
    override keys() {
      reads += 1;
      return super.keys();
    }
  }
  const entries = Array.from(
    { length: 500 },
    (_, at) => [`h.ai/library/m${at}:latest`, listedModel({ model: `w${at}`, config: `c${at}` })] as const,
  );
  const list = { ...listOf({}), models: new CountedMap(entries) };
  for (let at = 0; at < 300; at += 1) {
    const other = listedModel({ model: `other ${at}`, config: `other ${at}` });
    assert.equal(kind(decide(list, stored(`h.ai/library/stranger${at}:latest`, other))), 'not-listed');
  }
  const copy = stored('h.ai/library/copy:latest', entries[7]?.[1] ?? assert.fail());
  assert.equal(kind(decide(list, copy)), 'copy');
  // For the near names, for the manifests, and for the configs.
  assert.equal(reads, 3);
});
