import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { digestOf, good, manifestText, problemsOf, readText } from './manifest-texts.ts';

const deep = (open: string, close: string, levels: number) => open.repeat(levels) + close.repeat(levels);

const tooDeep = ['ambiguous: it is nested deeper than 32 levels'];
const tooMany = ['ambiguous: it has more than 250000 values'];

describe('a manifest nested 100,000 deep is refused, and costs no call stack', () => {
  test('arrays', () => assert.deepEqual(problemsOf(deep('[', ']', 100_000)), tooDeep));

  test('objects', () => assert.deepEqual(problemsOf(deep('{"a":', '}', 100_000)), tooDeep));

  test('arrays that never end', () => assert.deepEqual(problemsOf('['.repeat(1_000_000)), tooDeep));

  test('within a member of a layer', () => {
    const layers = `[${good.replace('"size"', `"x":${deep('[', ']', 100_000)},"size"`)}]`;
    assert.deepEqual(problemsOf(manifestText({ layers })), tooDeep);
  });

  test('while 32 levels are read', () => {
    const layers = (levels: number) => `[${good.replace('"size"', `"x":${deep('[', ']', levels)},"size"`)}]`;
    // The manifest, its layers and the layer are three levels themselves.
    assert.deepEqual(problemsOf(manifestText({ layers: layers(29) })), []);
    assert.deepEqual(problemsOf(manifestText({ layers: layers(30) })), tooDeep);
  });
});

describe('a manifest of very many values', () => {
  test('with 50,000 layers is read', () => {
    const reading = readText(manifestText({ layers: `[${Array(50_000).fill(good).join(',')}]` }));
    assert.equal(reading.ok && reading.manifest.layers.length, 50_000);
  });

  test('with 100,000 layers is refused', () => {
    assert.deepEqual(
      problemsOf(manifestText({ layers: `[${Array(100_000).fill(good).join(',')}]` })),
      tooMany,
    );
  });

  test('with 200,000 layers that are none is refused, and the first of them are named', () => {
    const problems = problemsOf(manifestText({ layers: `[${Array(200_000).fill('1').join(',')}]` }));
    assert.equal(problems.length, 8);
    assert.equal(problems[7], 'ambiguous: "layers.7" is not what the schema asks for (invalid_type)');
  });

  test('with 200,000 annotations that are none is refused once', () => {
    const members = Array.from({ length: 200_000 }, (_, i) => `"${i}":1`).join(',');
    assert.deepEqual(problemsOf(manifestText({ after: `,"annotations":{${members}}` })), [
      'ambiguous: "annotations" is not a map of texts',
    ]);
  });

  test('with two million empty layers is refused', () => {
    assert.deepEqual(problemsOf(manifestText({ layers: `[${'{},'.repeat(2_000_000)}{}]` })), tooMany);
  });

  test('with 200,000 unknown keys is refused, and the first is named', () => {
    const members = Array.from({ length: 200_000 }, (_, i) => `,"x${i}":1`).join('');
    assert.deepEqual(problemsOf(manifestText({ after: members })), [
      'ambiguous: it has the unknown key "x0"',
    ]);
  });

  test('with 100,000 twins is refused, and eight of them are named', () => {
    const members = Array.from({ length: 100_000 }, () => ',"layers":null').join('');
    assert.deepEqual(
      problemsOf(manifestText({ after: members })),
      Array(8).fill('ambiguous: the key "layers" stands twice in one object'),
    );
  });
});

describe('a manifest with very long texts', () => {
  const million = 'x'.repeat(1_000_000);

  test('keeps a layer name of a million characters', () => {
    const layers = `[${good.replace('"size"', `"name":"${million}","size"`)}]`;
    const reading = readText(manifestText({ layers }));
    assert.equal(reading.ok && reading.manifest.layers[0]?.name?.length, 1_000_000);
  });

  test('is refused for two keys of a million characters, which are shown in part', () => {
    const layers = `[${good.replace('"size"', `"${million}":1,"${million.toUpperCase()}":2,"size"`)}]`;
    assert.deepEqual(problemsOf(manifestText({ layers })), [
      `ambiguous: the keys "${'x'.repeat(40)}" and "${'X'.repeat(40)}" differ in case only`,
    ]);
  });

  test('is refused for a size of a million digits, which is shown in part', () => {
    const size = '9'.repeat(1_000_000);
    assert.deepEqual(problemsOf(manifestText({ layers: `[${good.replace(':10', `:${size}`)}]` })), [
      `ambiguous: "size" is not an exact integer below 2^53: ${'9'.repeat(40)}`,
    ]);
  });

  test('is refused for a digest of a million digits', () => {
    const layers = `[${good.replace(digestOf('a'), `sha256:${'a'.repeat(1_000_000)}`)}]`;
    assert.deepEqual(problemsOf(manifestText({ layers })), [
      'ambiguous: "layers.0.digest" is not sha256: and 64 lower-case hexadecimal digits',
    ]);
  });

  test('is read when its key is half a million escapes', () => {
    const layers = `[${good.replace('"size"', `"${'\\u0078'.repeat(500_000)}":1,"size"`)}]`;
    assert.deepEqual(problemsOf(manifestText({ layers })), []);
  });

  test('is read when four million blanks lie between its parts', () => {
    assert.deepEqual(problemsOf(manifestText({ after: ' '.repeat(4_000_000) })), []);
  });
});
