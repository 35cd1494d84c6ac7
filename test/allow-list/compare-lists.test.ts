import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { changedLayers, compareLists } from '../../src/allow-list/index.ts';
import { anyList, layer, listedModel, listOf } from '../fixtures/listed-models.ts';

const models = (given: Parameters<typeof listOf>[0]) => listOf(given).models;
const old = listedModel();
const fresh = listedModel({ template: 'other' });

describe('two lists', () => {
  test('differ in what was added, removed and moved; the rest is counted', () => {
    const before = models({ 'h/n/gone:t': old, 'h/n/moved:t': old, 'h/n/same:t': old });
    const after = models({ 'h/n/moved:t': fresh, 'h/n/new:t': old, 'h/n/same:t': { ...old, note: 'seen' } });
    const difference = compareLists(before, after);
    assert.deepEqual(
      [difference.added, difference.removed, difference.moved].map((some) => some.map(({ name }) => name)),
      [['h/n/new:t'], ['h/n/gone:t'], ['h/n/moved:t']],
    );
    assert.equal(difference.unchanged, 1);
    assert.deepEqual(difference.moved[0]?.layers, [
      { kind: 'template', before: layer('template', 'template'), after: layer('template', 'other') },
    ]);
  });

  test('with another manifest of the same layers: moved, and no layer is', () => {
    const rewritten = { ...old, manifest: fresh.manifest };
    const { moved } = compareLists(models({ 'h/n/m:t': old }), models({ 'h/n/m:t': rewritten }));
    assert.deepEqual(
      moved.map(({ layers }) => layers),
      [[]],
    );
  });

  test('are mirror images of each other, and equal to themselves', () => {
    fc.assert(
      fc.property(anyList, anyList, (a, b) => {
        const [there, back] = [compareLists(a.models, b.models), compareLists(b.models, a.models)];
        assert.deepEqual(there.added, back.removed);
        assert.deepEqual(there.removed, back.added);
        assert.equal(there.moved.length, back.moved.length);
        assert.deepEqual(compareLists(a.models, a.models), {
          ...{ added: [], removed: [], moved: [] },
          unchanged: a.models.size,
        });
      }),
    );
  });
});

describe('layers of one kind', () => {
  const licences = (...texts: string[]) => ({ ...old, layers: texts.map((text) => layer('license', text)) });
  const pairs = (before: readonly string[], after: readonly string[]) =>
    changedLayers(licences(...before), licences(...after)).map((change) => [
      change.before?.size,
      change.after?.size,
    ]);

  test('are paired in their order, and what stayed is left out', () => {
    assert.deepEqual(pairs(['a', 'bb', 'ccc'], ['a', 'dddd', 'ccc']), [[2, 4]]);
  });
  test('without a partner were added or removed', () => {
    assert.deepEqual(pairs(['a'], ['a', 'bb', 'ccc']), [
      [undefined, 2],
      [undefined, 3],
    ]);
    assert.deepEqual(pairs(['a', 'bb'], []), [
      [1, undefined],
      [2, undefined],
    ]);
  });
});
