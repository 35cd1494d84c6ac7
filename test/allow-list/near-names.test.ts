import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NearNames, nearNamesLimit, thoroughLimits } from '../../src/allow-list/index.ts';
import { isNear } from '../../src/allow-list/look-alike.ts';
import { fullName, parseModelName } from '../../src/oci/index.ts';

const full = (name: string): string => fullName(parseModelName(name));
const near = (name: string, ...listed: string[]) => new NearNames(listed.map(full)).find(full(name));

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
  assert.deepEqual(new NearNames(listed).find(full('moddel-77')), [full('model-77')]);
});

test('what a comparison of every two names would find is found, and nothing else', () => {
  const part = fc.stringMatching(/^[a-f1-3rn._-]{1,7}$/).map((text) => `m${text}`);
  const space = part.map((text) => text.replaceAll('.', '-'));
  const names = fc
    .tuple(space, part, fc.constantFrom('a', 'b'))
    .map(([namespace, model, tag]) => full(`${namespace}/${model}:${tag}`));
  const partsOf = (name: string) => {
    const { host, namespace, model } = parseModelName(name);
    return [host, namespace, model];
  };
  const byHand = (name: string, listed: readonly string[]) =>
    listed.filter((other) => {
      const [own, others] = [partsOf(name), partsOf(other)];
      const alike = own.every((text, at) => text === others[at] || isNear(text, others[at] ?? ''));
      return alike && own.join('/') !== others.join('/');
    });
  fc.assert(
    fc.property(names, fc.uniqueArray(names, { maxLength: 60 }), (name, some) => {
      const listed = some.sort();
      assert.deepEqual(
        new NearNames(listed, thoroughLimits).find(name),
        byHand(name, listed).slice(0, nearNamesLimit),
      );
    }),
    { numRuns: 2000 },
  );
});

describe('what a stranger can make the search for near names cost', () => {
  const listed = Array.from({ length: 50_000 }, (_, at) =>
    full(`user${at % 977}/model${at}-chat:q${at % 8}`),
  );

  test('does not grow with the list: among 50,000 names a few are compared', () => {
    const names = new NearNames(listed);
    assert.deepEqual(names.find(full('user77/modell77-chat')), [full('user77/model77-chat:q5')]);
    // The host, the user, model77 and model177 (1 is read as l), and two names that are looked up.
    assert.equal(names.comparisons, 6);
    names.find(full('nobody/has-heard-of-this'));
    // The host, and nothing else.
    assert.equal(names.comparisons, 7);
  });

  test('is 448 comparisons at most, whatever the list is made of', () => {
    const letters = [...'abcdefghijklmnopqrstuvwxyz'];
    const dense = letters.flatMap((a) =>
      letters.flatMap((b) => letters.map((c) => full(`team${a}${b}/mod${c}${a}${b}`))),
    );
    const names = new NearNames(dense);
    names.find(full('teamab/modabc'));
    assert.ok(names.comparisons <= 3 * 64 + 256, `${names.comparisons}`);
  });

  test('is paid once for a model, whatever the tag', () => {
    const names = new NearNames(listed);
    names.find(full('user77/modell77-chat:a'));
    const { comparisons } = names;
    for (let at = 0; at < 1000; at += 1) names.find(full(`user77/modell77-chat:t${at}`));
    assert.equal(names.comparisons, comparisons);
  });

  test('is nothing for a name that is too long', () => {
    const names = new NearNames(listed);
    assert.deepEqual(names.find(full(`${'u'.repeat(80)}/${'x'.repeat(80)}:${'y'.repeat(40)}`)), []);
    assert.deepEqual(names.find(full(`${'h'.repeat(120)}/user77/${'x'.repeat(80)}:latest`)), []);
    assert.equal(names.comparisons, 0);
  });
});
