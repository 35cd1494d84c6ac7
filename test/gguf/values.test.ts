import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { shapes, typeOfNumber } from '../../src/gguf/values.ts';
import { stored } from '../fixtures/gguf-parts.ts';

test('each number of the specification is its type, and no other number is one', () => {
  for (const [name, number] of Object.entries(stored)) assert.equal(typeOfNumber(number), name);
  assert.equal(typeOfNumber(13), undefined);
  assert.equal(typeOfNumber(2 ** 32 - 1), undefined);
});

test('a 32-bit float is the shortest decimal that is that float, and stays it exactly', () => {
  const bytes = Buffer.alloc(4);
  const read = (value: number) => {
    bytes.writeFloatLE(value);
    return shapes.float32.decode(bytes);
  };
  for (const value of [0, -0, 1e-5, 1e-6, 0.1, 10_000, 500_000, 1e30, Infinity, -Infinity, Number.NaN]) {
    assert.ok(Object.is(read(value), value), String(value));
  }
  fc.assert(
    fc.property(fc.float(), (value) => {
      assert.ok(Object.is(Math.fround(read(value)), value));
    }),
  );
});
