import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nearNames } from '../../src/allow-list/index.ts';
import { fullName, parseModelName } from '../../src/oci/index.ts';

const full = (name: string): string => fullName(parseModelName(name));
const near = (name: string, ...listed: string[]) => nearNames(full(name), listed.map(full));

describe('a name could be taken for a listed one', () => {
  const pairs: readonly (readonly [string, string])[] = [
    ['1ibrary/llama3.2', 'library/llama3.2'],
    ['qwen35', 'qwen3.5'],
    ['qwen3-5', 'qwen3.5'],
    ['lama3.2', 'llama3.2'],
    ['lllama3.2', 'llama3.2'],
    ['llmaa3.2', 'llama3.2'],
    ['llaма3.2'.replace('ма', 'na'), 'llama3.2'],
    ['Llama3.2', 'llama3.2'],
    ['rnistral', 'mistral'],
    ['g0pher', 'gopher'],
    ['registry.o1lama.ai/library/llama3.2', 'llama3.2'],
    ['hf.c0/corp/model', 'hf.co/corp/model'],
    ['llama3.2:1b', 'lIama3.2:latest'],
  ];
  for (const [name, listed] of pairs)
    test(`${name} for ${listed}`, () => assert.deepEqual(near(name, 'unrelated', listed), [full(listed)]));
});

describe('a name is not taken for a listed one', () => {
  const pairs: readonly (readonly [string, string])[] = [
    ['llama3.2', 'llama3.2'],
    ['llama3.2:1b', 'llama3.2:3b'],
    ['llama3.1', 'llama3.2'],
    ['qwen2.5', 'qwen3.5'],
    ['phi3', 'phi4'],
    ['gemma', 'llama'],
    ['mistral', 'mixtral-large'],
    ['corp/llama3.2', 'library/llama3.2'],
    ['a', 'b'],
  ];
  for (const [name, listed] of pairs)
    test(`${name}, where ${listed} is listed`, () => assert.deepEqual(near(name, listed), []));
});

test('among 5,000 names those that are near are found, in the order of the list', () => {
  const listed = Array.from({ length: 5000 }, (_, at) => full(`model-${at}`));
  assert.deepEqual(nearNames(full('moddel-77'), listed), [full('model-77')]);
});
