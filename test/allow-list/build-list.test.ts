import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { changeList, emptyList, type ListedModel, type VerifiedModel } from '../../src/allow-list/index.ts';
import { layerKind, parseModelName } from '../../src/oci/index.ts';
import { digestOf, listedModel } from '../fixtures/listed-models.ts';

const name = 'registry.ollama.ai/library/sample:latest';

function verified(model: ListedModel, as = name, tables: VerifiedModel['tables'] = new Map()): VerifiedModel {
  const withKind = (entry: ListedModel['config']) => ({ ...entry, kind: layerKind(entry.mediaType) });
  return {
    name: parseModelName(as),
    manifestDigest: model.manifest.digest,
    manifestSize: model.manifest.size,
    manifest: {
      ...{
        mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
        remoteStub: false,
        plainKeys: true,
      },
      config: withKind(model.config),
      layers: model.layers.map(withKind),
    },
    tables,
  };
}

const put = (...models: VerifiedModel[]) => ({ put: models, remove: [] });
const first = changeList(emptyList('models'), put(verified(listedModel())));

describe('a list', () => {
  test('begins with version 1, and holds what was verified and nothing else', () => {
    assert.deepEqual(first, {
      ...{ listId: 'models', version: 1, aliases: new Map() },
      models: new Map([[name, listedModel()]]),
    });
  });

  test('stays the very same when nothing changed', () => {
    assert.equal(changeList(first, put(verified(listedModel()))), first);
    assert.equal(changeList(first, { put: [], remove: ['h/n/absent:t'] }), first);
  });

  test('grows by one version with every change, sorted by name', () => {
    const more = changeList(first, put(verified(listedModel(), 'zebra'), verified(listedModel(), 'ant')));
    assert.equal(more.version, 2);
    assert.deepEqual(
      [...more.models.keys()].map((full) => parseModelName(full).model),
      ['ant', 'sample', 'zebra'],
    );
    const less = changeList(more, { put: [], remove: [name] });
    assert.deepEqual([less.version, less.models.has(name), less.models.size], [3, false, 2]);
  });

  test('keeps what a person wrote until somebody writes something else', () => {
    const noted = changeList(first, {
      ...put(verified(listedModel())),
      note: 'for the desk',
      source: 'library',
    });
    const changed = changeList(noted, put(verified(listedModel({ template: 'other' }))));
    assert.deepEqual(
      [changed.models.get(name)?.note, changed.models.get(name)?.source],
      ['for the desk', 'library'],
    );
    const renoted = changeList(changed, { ...put(verified(listedModel())), note: '' });
    assert.equal(renoted.models.get(name)?.note, '');
  });

  test('has the chunk table of a blob on every layer that names it', () => {
    const model = listedModel();
    const table = { size: 2 ** 24, count: 1, table: digestOf('table') };
    const [weights] = model.layers;
    const tables = new Map([[weights?.digest ?? digestOf(''), table]]);
    const twice = { ...model, layers: [...model.layers, ...model.layers.slice(0, 1)] };
    const list = changeList(emptyList('models'), put(verified(twice, name, tables)));
    assert.deepEqual(
      list.models.get(name)?.layers.map(({ chunks }) => chunks),
      [table, undefined, table],
    );
  });
});
