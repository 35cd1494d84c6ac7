import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { type GgufMetadata, readGgufMetadata } from '../../src/gguf/index.ts';
import { makeGguf, text, u32, u64 } from '../fixtures/gguf.ts';
import { arrayBytes, ggufHead, readBytes, stored, stringValue } from '../fixtures/gguf-parts.ts';

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

function metadataOf(bytes: Uint8Array): GgufMetadata {
  const reading = readBytes(bytes);
  assert.ok(reading.ok, reading.ok ? '' : reading.problem);
  return reading.metadata;
}

const storedAs = (type: number, bytes: Uint8Array) =>
  metadataOf(ggufHead([['k', { type, bytes }]])).values.get('k');

describe('what a GGUF says of itself', () => {
  test('a whole file is read up to its tensors', () => {
    const { version, tensorCount, keyCount, values, types } = metadataOf(makeGguf({ name: 'tiny' }));
    assert.deepEqual({ version, tensorCount, keyCount }, { version: 3, tensorCount: 1, keyCount: 9 });
    assert.deepEqual(Object.fromEntries(values), {
      'general.architecture': 'llama',
      'general.name': 'tiny',
      'general.file_type': 0,
      'llama.block_count': 1,
      'llama.context_length': 128,
      'llama.embedding_length': 64,
      'llama.attention.head_count': 1,
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.tokens': {
        kind: 'array',
        elementType: 'string',
        count: 4,
        digest: sha256(Buffer.concat(['<s>', '</s>', 'a', 'b'].map(text))),
        first: ['<s>', '</s>', 'a', 'b'],
      },
    });
    assert.equal(types.get('general.name'), 'string');
    assert.equal(types.get('llama.block_count'), 'uint32');
    assert.equal(types.get('tokenizer.ggml.tokens'), 'array');
  });

  test('version 2 is read as version 3 is', () => {
    const head = ggufHead([['a', stringValue('b')]], { version: 2, tensors: 7 });
    const { version, tensorCount, values } = metadataOf(head);
    assert.deepEqual([version, tensorCount, values.get('a')], [2, 7, 'b']);
  });

  test('every scalar type keeps its value, and only an integer beyond 2^53 is a bigint', () => {
    const bytes = (length: number, write: (buffer: Buffer) => void): Buffer => {
      const buffer = Buffer.alloc(length);
      write(buffer);
      return buffer;
    };
    const cases = [
      [stored.uint8, Buffer.from([255]), 255],
      [stored.int8, Buffer.from([255]), -1],
      [stored.uint16, Buffer.from([1, 2]), 513],
      [stored.int16, Buffer.from([0xff, 0xff]), -1],
      [stored.uint32, u32(4_294_967_295), 4_294_967_295],
      [stored.int32, Buffer.from([0xfe, 0xff, 0xff, 0xff]), -2],
      [stored.float32, bytes(4, (buffer) => buffer.writeFloatLE(1e-5)), 1e-5],
      [stored.bool, Buffer.from([1]), true],
      [stored.bool, Buffer.from([0]), false],
      [stored.string, text('héllo'), 'héllo'],
      [stored.uint64, u64(2n ** 53n - 1n), 2 ** 53 - 1],
      [stored.uint64, u64(2n ** 64n - 1n), 2n ** 64n - 1n],
      [stored.int64, bytes(8, (buffer) => buffer.writeBigInt64LE(-5n)), -5],
      [stored.int64, bytes(8, (buffer) => buffer.writeBigInt64LE(-(2n ** 60n))), -(2n ** 60n)],
      [stored.float64, bytes(8, (buffer) => buffer.writeDoubleLE(0.1)), 0.1],
    ] as const;
    for (const [type, value, expected] of cases) assert.equal(storedAs(type, value), expected);
  });

  test('a vocabulary is known by its digest and its first entries, over many blocks', () => {
    const tokens = Array.from({ length: 150_000 }, (_, index) => `token ${index}`);
    const elements = Buffer.concat(tokens.map(text));
    assert.deepEqual(storedAs(stored.array, arrayBytes(stored.string, tokens.length, elements)), {
      kind: 'array',
      elementType: 'string',
      count: 150_000,
      digest: sha256(elements),
      first: tokens.slice(0, 8),
    });
  });

  test('arrays in an array are part of its digest and are shown as count and type', () => {
    const inner = arrayBytes(stored.uint8, 3, Buffer.from([1, 2, 3]));
    const elements = Buffer.concat(Array.from({ length: 10 }, () => inner));
    assert.deepEqual(storedAs(stored.array, arrayBytes(stored.array, 10, elements)), {
      kind: 'array',
      elementType: 'array',
      count: 10,
      digest: sha256(elements),
      first: Array.from({ length: 8 }, () => '[3 x uint8]'),
    });
  });

  test('an entry of an array that is long is cut where it is shown', () => {
    const elements = text('x'.repeat(300));
    const value = storedAs(stored.array, arrayBytes(stored.string, 1, elements));
    assert.deepEqual(value, {
      ...{ kind: 'array', elementType: 'string', count: 1, digest: sha256(elements) },
      first: [`${'x'.repeat(256)}...`],
    });
  });

  test('a chat template is a full string, of a mebibyte too; a longer text is its digest and beginning', () => {
    const template = '{{ é }}\n'.repeat(116_508).padEnd(1024 * 1024 - 116_508, '.');
    assert.equal(Buffer.byteLength(template), 1024 * 1024);
    const named = (value: string) =>
      metadataOf(ggufHead([['tokenizer.chat_template', stringValue(value)]])).values;
    assert.equal(named(template).get('tokenizer.chat_template'), template);
    const longer = `é${template}`;
    assert.deepEqual(named(longer).get('tokenizer.chat_template'), {
      kind: 'long text',
      bytes: 1024 * 1024 + 2,
      digest: sha256(Buffer.from(longer)),
      first: Buffer.from(longer).subarray(0, 256).toString(),
    });
  });

  test('a string that is not UTF-8 is escaped and told apart from the text of its escapes', () => {
    const raw = Buffer.concat([u64(3), Buffer.from([0x61, 0xff, 0x62])]);
    const { values, types } = metadataOf(
      ggufHead([
        ['raw', { type: stored.string, bytes: raw }],
        ['text', stringValue('a\\xffb')],
      ]),
    );
    assert.deepEqual([values.get('raw'), types.get('raw')], ['a\\xffb', 'malformed string']);
    assert.deepEqual([values.get('text'), types.get('text')], ['a\\xffb', 'string']);
  });

  test('a source that gives few bytes at a time, always in the same memory, is read alike', () => {
    const file = makeGguf({ metadata: [['tokenizer.chat_template', 'é'.repeat(5_000)]] });
    const memory = Buffer.alloc(7);
    const reading = readGgufMetadata((offset, length) => {
      const copied = file.copy(memory, 0, offset, offset + Math.min(length, memory.length));
      return memory.subarray(0, copied);
    });
    assert.deepEqual(reading, readBytes(file));
  });

  test('what a source throws is thrown on: a disk that fails is no broken GGUF', () => {
    const failure = new Error('EIO');
    assert.throws(
      () =>
        readGgufMetadata(() => {
          throw failure;
        }),
      failure,
    );
  });
});
