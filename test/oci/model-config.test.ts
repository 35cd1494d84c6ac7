import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseModelConfig } from '../../src/oci/index.ts';

const read = (text: string) => parseModelConfig(Buffer.from(text));

function problemsOf(text: string): string[] {
  const reading = read(text);
  return reading.ok ? [] : reading.problems.map(({ kind, detail }) => `${kind}: ${detail}`);
}

const empty = {
  format: '',
  family: '',
  parameters: '',
  quantisation: '',
  remoteHost: undefined,
  remoteModel: undefined,
};

const published = {
  model_format: 'gguf',
  model_family: 'llama',
  model_families: ['llama'],
  model_type: '3.2B',
  file_type: 'Q4_K_M',
  architecture: 'amd64',
  os: 'linux',
  rootfs: { type: 'layers', diff_ids: ['sha256:00'] },
};

describe('a config', () => {
  test('says format, family, size and quantisation', () => {
    assert.deepEqual(read(JSON.stringify(published)), {
      ok: true,
      config: { ...empty, format: 'gguf', family: 'llama', parameters: '3.2B', quantisation: 'Q4_K_M' },
    });
  });

  test('of a cloud model names the host that gets the prompts', () => {
    const cloud = { model_format: '', remote_host: 'https://ollama.com:443', remote_model: 'gpt-oss:20b' };
    assert.deepEqual(read(JSON.stringify(cloud)), {
      ok: true,
      config: { ...empty, remoteHost: 'https://ollama.com:443', remoteModel: 'gpt-oss:20b' },
    });
  });

  test('may say nothing, or nothing with null and empty texts', () => {
    assert.deepEqual(read('{}'), { ok: true, config: empty });
    assert.deepEqual(read('{"model_format":null,"remote_host":"","remote_model":null}'), {
      ok: true,
      config: empty,
    });
  });

  test('may have members that nobody here reads', () => {
    assert.deepEqual(problemsOf('{"draft":{"model_format":"x"},"context_length":4096,"x":{"y":[1.5]}}'), []);
  });

  test('says nothing through its prototype', () => {
    assert.deepEqual(read('{"__proto__":{"remote_host":"x","model_format":"y"}}'), {
      ok: true,
      config: empty,
    });
  });

  test('may end in a line break', () => assert.deepEqual(read('{}\n'), { ok: true, config: empty }));
});

describe('a config that two parsers would read differently is refused', () => {
  for (const [what, text, problem] of [
    [
      '"remote_host" and "Remote_Host"',
      '{"remote_host":"","Remote_Host":"https://evil.example"}',
      'the keys "remote_host" and "Remote_Host" differ in case only',
    ],
    [
      '"Remote_Host" alone, which Go takes',
      '{"Remote_Host":"https://evil.example"}',
      'the key "Remote_Host" is not spelled "remote_host"',
    ],
    [
      '"remote_ho\u017ft", which Go folds to s',
      '{"remote_ho\u017ft":"https://evil.example"}',
      'the key "remote_ho\u017ft" is not spelled "remote_host"',
    ],
    [
      '"remote_host" with an escape',
      '{"\\u0072emote_host":"https://evil.example"}',
      'the key "remote_host" is written with escapes',
    ],
    [
      '"remote_host" twice',
      '{"remote_host":"a","remote_host":"b"}',
      'the key "remote_host" stands twice in one object',
    ],
    ['"Model_Format"', '{"Model_Format":"x"}', 'the key "Model_Format" is not spelled "model_format"'],
    ['a twin within another member', '{"draft":{"a":1,"A":2}}', 'the keys "a" and "A" differ in case only'],
    ['trailing bytes', '{}{"remote_host":"x"}', '19 characters follow the end of the JSON value'],
    ['a byte order mark', '\ufeff{}', 'it starts with a byte order mark'],
    [
      'a context length that is no integer',
      '{"context_length":1e3}',
      '"context_length" is not an exact integer below 2^53: 1e3',
    ],
    ['an array', '[]', 'the config is not an object'],
    ['null', 'null', 'the config is not an object'],
    ['a host that is an object', '{"remote_host":{}}', '"remote_host" is not a text'],
    ['a host that is a number', '{"remote_host":1}', '"remote_host" is not a text'],
    ['a family that is a list', '{"model_family":["x"]}', '"model_family" is not a text'],
    ['65 levels', `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`, 'it is nested deeper than 64 levels'],
    ['very many values', `{"x":[${'1,'.repeat(100_000)}1]}`, 'it has more than 100000 values'],
  ] as const) {
    test(what, () => assert.deepEqual(problemsOf(text), [`ambiguous: ${problem}`]));
  }

  for (const text of ['', '{', 'GGUF', '{"remote_host":"x"']) {
    test(`and ${JSON.stringify(text)} is broken`, () => assert.match(problemsOf(text)[0] ?? '', /^broken: /));
  }
});
