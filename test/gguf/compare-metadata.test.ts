import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compareGgufMetadata, type GgufLimits, type GgufMetadata } from '../../src/gguf/index.ts';
import { type GgufFixtureValue, makeGguf, text, u32, u64 } from '../fixtures/gguf.ts';
import { arrayBytes, readBytes, stored } from '../fixtures/gguf-parts.ts';

type Pairs = readonly (readonly [string, GgufFixtureValue])[];

function metadataOf(pairs: Pairs, limits: Partial<GgufLimits> = {}): GgufMetadata {
  const reading = readBytes(makeGguf({ values: 1, metadata: pairs }), limits);
  assert.ok(reading.ok, reading.ok ? '' : reading.problem);
  return reading.metadata;
}

const changes = (before: Pairs, after: Pairs, limits: Partial<GgufLimits> = {}) =>
  compareGgufMetadata(metadataOf(before, limits), metadataOf(after, limits));

const list = (type: number, ...elements: Uint8Array[]) => ({
  type: stored.array,
  bytes: arrayBytes(type, elements.length, ...elements),
});

describe('two GGUFs compared by what they say of themselves', () => {
  test('the same metadata has no changes, in another order neither', () => {
    const a = ['a', 1] as const;
    const b = ['b', ['x', 'y']] as const;
    const nan = ['nan', { type: stored.float64, bytes: Buffer.from('000000000000f87f', 'hex') }] as const;
    assert.deepEqual(changes([a, b, nan], [nan, b, a]), []);
  });

  test('changed, new and gone keys are there, sorted, with the whole chat template', () => {
    const before = '{{ system }}\n'.repeat(3_000);
    const after = `${before}{{ tools }}`;
    assert.deepEqual(
      changes(
        [
          ['tokenizer.chat_template', before],
          ['gone', 1],
          ['tokenizer.chat_template.rag', 'x'],
        ],
        [
          ['tokenizer.chat_template.rag', 'y'],
          ['tokenizer.chat_template', after],
          ['added', 2],
        ],
      ),
      [
        { key: 'added', after: 2 },
        { key: 'gone', before: 1 },
        { key: 'tokenizer.chat_template', before, after },
        { key: 'tokenizer.chat_template.rag', before: 'x', after: 'y' },
      ],
    );
  });

  test('one entry far into a list is seen by the digest', () => {
    const tokens = Array.from({ length: 1_000 }, (_, index) => `t${index}`);
    const [change, ...others] = changes([['tokens', tokens]], [['tokens', tokens.with(900, 'T900')]]);
    assert.deepEqual(others, []);
    assert.equal(change?.key, 'tokens');
    assert.ok(typeof change?.before === 'object' && typeof change.after === 'object');
    assert.notEqual(change.before.digest, change.after.digest);
    assert.deepEqual(change.before.first, change.after.first);
  });

  test('elements of another type with the same bytes are another list', () => {
    const bytes = u32(1);
    const found = changes([['k', list(stored.uint32, bytes)]], [['k', list(stored.int32, bytes)]]);
    assert.deepEqual(
      found.map(({ key }) => key),
      ['k'],
    );
  });

  test('a value stored as another type is a change that says so', () => {
    assert.deepEqual(changes([['k', 5]], [['k', { type: stored.uint64, bytes: u64(5) }]]), [
      { key: 'k', before: 5, after: 5, types: { before: 'uint32', after: 'uint64' } },
    ]);
  });

  test('bytes that are not UTF-8 are not the text of their escapes', () => {
    const raw = { type: stored.string, bytes: Buffer.concat([u64(1), Buffer.from([0xff])]) };
    assert.deepEqual(changes([['k', raw]], [['k', '\\xff']]), [
      {
        key: 'k',
        before: '\\xff',
        after: '\\xff',
        types: { before: 'malformed string', after: 'string' },
      },
    ]);
  });

  test('long texts are compared by digest, and a long text is not a list', () => {
    const limits = { textBytes: 100 };
    const long = 'x'.repeat(500);
    assert.deepEqual(changes([['k', long]], [['k', long]], limits), []);
    assert.deepEqual(
      changes([['k', long]], [['k', `${long.slice(1)}y`]], limits).map(({ key }) => key),
      ['k'],
    );
    assert.deepEqual(
      changes([['k', long]], [['k', list(stored.string, text('x'))]], limits).map(({ types }) => types),
      [{ before: 'string', after: 'array' }],
    );
  });
});
