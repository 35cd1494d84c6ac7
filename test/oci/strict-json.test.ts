import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type JsonRules, readStrictJson } from '../../src/oci/index.ts';

const rules: JsonRules = {
  maxDepth: 4,
  maxValues: 20,
  knownKeys: new Set(['known', 'count']),
  integerKeys: new Set(['count']),
};

const read = (text: string) => readStrictJson(Buffer.from(text), rules);

/** What is wrong with a text, as `kind: detail` lines; empty when it was accepted. */
function problemsOf(text: string): string[] {
  const json = read(text);
  return json.ok ? [] : json.problems.map(({ kind, detail }) => `${kind}: ${detail}`);
}

describe('strict JSON takes what every reader takes', () => {
  for (const text of [
    'null',
    ' true ',
    'false',
    '0',
    '-1.5e+3',
    '""',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\ude00"',
    '"\u007f\u2028\ufeff\ud83d\ude00"',
    '[]',
    '[1,[2,{"a":[]}]]',
    '{}',
    '\t{ "a" :\r\n1 , "b" : [ ] }\n',
    '{"":1}',
    '{"__proto__":1,"constructor":2,"toString":3}',
    '{"a":{"a":{"a":1}},"b":{"a":2}}',
    '[{"a":1},{"a":1}]',
    '{"count":9007199254740991}',
    '{"count":0}',
    '{"x":1e400}',
  ]) {
    test(JSON.stringify(text), () => assert.deepEqual(read(text), { ok: true, value: JSON.parse(text) }));
  }
});

describe('strict JSON finds broken', () => {
  for (const [text, problem] of Object.entries({
    '': 'it ends too early',
    '   ': 'it ends too early',
    '{"a":1': 'it ends too early',
    '{"a"': 'it ends too early',
    '{"a":': 'it ends too early',
    '[1': 'it ends too early',
    '[1,': 'it ends too early',
    '"a': 'it ends inside a string',
    '"a\\"': 'it ends inside a string',
    '"a\nb"': 'a string holds a control character',
    '"a\0b"': 'a string holds a control character',
    '"a\u001fb"': 'a string holds a control character',
    '"\\x41"': 'a string holds an escape that JSON does not know',
    '"\\u004"': 'a string holds an escape that JSON does not know',
    '"\\': 'a string holds an escape that JSON does not know',
    '-': 'a number is malformed',
    nul: 'it is not JSON at character 0',
    NULL: 'it is not JSON at character 0',
    '[1,]': 'it is not JSON at character 3',
    '[,1]': 'it is not JSON at character 1',
    '[1 2]': 'it is not JSON at character 3',
    '{"a":1,}': 'it is not JSON at character 7',
    '{a:1}': 'it is not JSON at character 1',
    '{1:1}': 'it is not JSON at character 1',
    '{"a" 1}': 'it is not JSON at character 5',
    '{"a":1]': 'it is not JSON at character 6',
    '[1}': 'it is not JSON at character 2',
    '\u00a01': 'it is not JSON at character 0',
    '/**/1': 'it is not JSON at character 0',
  })) {
    test(JSON.stringify(text), () => {
      assert.throws(() => JSON.parse(text), SyntaxError);
      assert.deepEqual(problemsOf(text), [`broken: ${problem}`]);
    });
  }
});

describe('strict JSON finds ambiguous', () => {
  for (const [text, problem] of Object.entries({
    '{"a":1,"a":1}': 'the key "a" stands twice in one object',
    '{"a":1,"A":1}': 'the keys "a" and "A" differ in case only',
    '{"Known":1}': 'the key "Known" is not spelled "known"',
    '{"\\u006bnown":1}': 'the key "known" is written with escapes',
    '{"\u212anown":1}': 'the key "\u212anown" is not spelled "known"',
    '{"count":1.0}': '"count" is not an exact integer below 2^53: 1.0',
    '{"count":-0}': '"count" is not an exact integer below 2^53: -0',
    '{"count":[1e0]}': '"count" is not an exact integer below 2^53: 1e0',
    '{"\\udc00":1}': 'the key "\\udc00" holds half of a surrogate pair',
    '"\\ud83d"': 'a string holds half of a surrogate pair',
    '"\\ude00\\ud83d"': 'a string holds half of a surrogate pair',
    '1 2': '1 characters follow the end of the JSON value',
    nullx: '1 characters follow the end of the JSON value',
    '01': '1 characters follow the end of the JSON value',
    '{} \u00a0': '1 characters follow the end of the JSON value',
    '[[[[[]]]]]': 'it is nested deeper than 4 levels',
    '[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0]': 'it has more than 20 values',
    '\ufeff1': 'it starts with a byte order mark',
  })) {
    test(JSON.stringify(text), () => assert.deepEqual(problemsOf(text), [`ambiguous: ${problem}`]));
  }

  test('an unknown key written with escapes is no problem', () => {
    assert.deepEqual(read('{"\\u0061":1}'), { ok: true, value: { a: 1 } });
  });

  test('an escaped backslash before a u is no escape', () => {
    assert.deepEqual(read('"\\\\ud800"'), { ok: true, value: '\\ud800' });
  });

  test('what is ambiguous and then broken is broken, and both are said', () => {
    assert.deepEqual(problemsOf('{"a":1,"a":2'), [
      'broken: it ends too early',
      'ambiguous: the key "a" stands twice in one object',
    ]);
  });

  test('four levels and twenty values are read, and without a limit any number of values is', () => {
    assert.deepEqual(problemsOf('[[[[]]]]'), []);
    assert.deepEqual(problemsOf('[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9]'), []);
    const { maxValues: _, ...unlimited } = rules;
    assert.equal(readStrictJson(Buffer.from(JSON.stringify(Array(1000).fill(1))), unlimited).ok, true);
  });

  test('an integer key counts for its own value, not for objects within', () => {
    assert.deepEqual(problemsOf('{"count":{"x":1.5}}'), []);
  });

  test('a part of a larger buffer is read alone', () => {
    const bytes = Buffer.from('xx{"a":1}xx');
    assert.deepEqual(readStrictJson(bytes.subarray(2, 9), rules), { ok: true, value: { a: 1 } });
  });
});
