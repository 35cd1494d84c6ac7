import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BoundedMap } from '../../src/bounds/index.ts';

describe('a map of which a stranger chooses the keys', () => {
  test('has no more entries than its limit, however many keys are set', () => {
    const map = new BoundedMap<string, number>(100);
    for (let at = 0; at < 1_000_000; at += 1) map.set(`${at}`, at);
    assert.equal(map.size, 100);
    assert.deepEqual([map.get('999999'), map.get('999899')], [999_999, undefined]);
  });

  test('gives up the entry that was used longest ago, and says which', () => {
    const map = new BoundedMap<string, string>(2);
    assert.equal(map.set('a', 'A'), undefined);
    assert.equal(map.set('b', 'B'), undefined);
    assert.equal(map.get('a'), 'A');
    assert.equal(map.set('c', 'C'), 'B');
    assert.equal(map.set('a', 'other'), undefined);
    assert.deepEqual([...map.values()], ['C', 'other']);
    map.delete('c');
    assert.deepEqual([map.size, map.get('c')], [1, undefined]);
  });
});
