import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { KnownError } from '../../src/errors/index.ts';
import { fullName, illegalPart, nameFromPath, parseModelName, shortName } from '../../src/oci/index.ts';

const name = (host: string, namespace: string, model: string, tag: string) => ({
  host,
  namespace,
  model,
  tag,
});

/** What is typed, and the full name that it means. */
const typed: Readonly<Record<string, string>> = {
  'llama3.2': 'registry.ollama.ai/library/llama3.2:latest',
  'llama3.2:1b': 'registry.ollama.ai/library/llama3.2:1b',
  'someone/model': 'registry.ollama.ai/someone/model:latest',
  'example.com/someone/model': 'example.com/someone/model:latest',
  'example.com:5000/someone/model:1b': 'example.com:5000/someone/model:1b',
  'localhost:5000/someone/model': 'localhost:5000/someone/model:latest',
  'hf.co/someone/Model-GGUF:Q4_K_M': 'hf.co/someone/Model-GGUF:Q4_K_M',
  'A/B/C:D': 'A/B/C:D',
  '_/_/_:_': '_/_/_:_',
};

const refused: readonly (readonly [what: string, text: string, problem: RegExp])[] = [
  ['nothing', '', /its model is empty/],
  ['a tag alone', ':1b', /its model is empty/],
  ['an empty tag', 'model:', /its tag is empty/],
  ['an empty namespace', '/model', /its namespace is empty/],
  ['an empty host', '/a/model', /its host is empty/],
  ['an empty model', 'a/', /its model is empty/],
  ['four parts', 'a/b/c/d', /it has more than three parts/],
  ['a scheme', 'https://example.com/a/b', /it has more than three parts/],
  ['a digest', 'model@sha256:abc', /its model is empty, too long or has a character/],
  ['a dot in the namespace', 'a.b/model', /its namespace/],
  ['a host and a model without a namespace', 'example.com:5000/model', /its namespace/],
  ['two tags', 'model:1b:2b', /its model/],
  ['a space', 'my model', /its model/],
  ['a line break', 'model\n', /its model/],
  ['a line break after the tag', 'model:tag\n', /its tag/],
  ['an escape sequence', 'model\u001b[31m', /its model/],
  ['a letter outside ASCII', 'mod\u0435l', /its model/],
  ['a leading dash', '-model', /its model/],
  ['a leading dot', '.model', /its model/],
  ['two dots for a host', '../b/c', /its host/],
  ['two dots for a model', 'a/..', /its model/],
  ['two dots for a tag', 'a:..', /its tag/],
  ['an IPv6 host', '[::1]:5000/a/b', /its host/],
  ['a percent sign', 'a/b%2e', /its model/],
  ['a backslash', 'a\\b', /its model/],
  ['a NUL', 'a\0', /its model/],
  ['a shell command', 'x;id', /its model/],
];

describe('a model name as a person types it', () => {
  for (const [text, full] of Object.entries(typed)) {
    test(`${text} is ${full}`, () => assert.equal(fullName(parseModelName(text)), full));
  }

  test('has no host in two parts: a dot is not allowed in the namespace', () => {
    assert.throws(() => parseModelName('example.com/model:1b'), /its namespace/);
  });

  for (const [what, text, problem] of refused) {
    test(`is refused: ${what}`, () => {
      assert.throws(
        () => parseModelName(text),
        (error) =>
          error instanceof KnownError &&
          error.code === 'MODEL_MALFORMED' &&
          error.exitStatus === 64 &&
          problem.test(error.message),
      );
    });
  }

  test('of a million characters is refused, and shown in part only', () => {
    assert.throws(
      () => parseModelName('a'.repeat(1_000_000)),
      (error) =>
        error instanceof KnownError &&
        error.message === `${'a'.repeat(120)} is not a model name: 1000000 characters are too many`,
    );
    assert.throws(() => parseModelName('/'.repeat(1_000_000)), { code: 'MODEL_MALFORMED' });
  });
});

describe('the limits of a name are those of Ollama', () => {
  const limits = { host: 350, namespace: 80, model: 80, tag: 80 } as const;
  const plain = name('h', 'n', 'm', 't');
  for (const [part, limit] of Object.entries(limits)) {
    test(`${limit} characters are a ${part}, one more is none`, () => {
      assert.equal(illegalPart({ ...plain, [part]: 'a'.repeat(limit) }), undefined);
      assert.equal(illegalPart({ ...plain, [part]: 'a'.repeat(limit + 1) }), part);
      assert.equal(illegalPart({ ...plain, [part]: '' }), part);
    });
  }

  test('the longest name of all is read', () => {
    const longest = name('h'.repeat(350), 'n'.repeat(80), 'm'.repeat(80), 't'.repeat(80));
    assert.deepEqual(parseModelName(fullName(longest)), longest);
  });

  for (const [part, allowed] of Object.entries({
    host: '._-:',
    namespace: '_-',
    model: '._-',
    tag: '._-',
  })) {
    test(`a ${part} takes letters, digits and ${allowed} after its first character, nothing else`, () => {
      for (let code = 0; code < 0x180; code += 1) {
        const c = String.fromCharCode(code);
        const legal = /^[A-Za-z0-9]$/.test(c) || allowed.includes(c);
        assert.equal(
          illegalPart({ ...plain, [part]: `a${c}` }),
          legal ? undefined : part,
          `U+${code.toString(16)}`,
        );
        const legalFirst = /^[A-Za-z0-9_]$/.test(c);
        assert.equal(
          illegalPart({ ...plain, [part]: c }),
          legalFirst ? undefined : part,
          `U+${code.toString(16)}`,
        );
      }
    });
  }

  test('the first part that is wrong is named', () => {
    assert.equal(illegalPart(name('', '', '', '')), 'host');
    assert.equal(illegalPart(name('h', 'n', '', '')), 'model');
  });
});

describe('a name', () => {
  test('is four levels of a path, judged later', () => {
    assert.deepEqual(nameFromPath(['h', 'n', 'm', 't']), name('h', 'n', 'm', 't'));
    assert.deepEqual(nameFromPath(['', ' ', '..', '\u001b']), name('', ' ', '..', '\u001b'));
  });

  for (const parts of [[], ['h'], ['h', 'n', 'm'], ['h', 'n', 'm', 't', 'x']]) {
    test(`is not ${parts.length} levels`, () => assert.equal(nameFromPath(parts), undefined));
  }

  test('is short where Ollama leaves out host and namespace, never without its tag', () => {
    assert.equal(shortName(parseModelName('llama3.2')), 'llama3.2:latest');
    assert.equal(shortName(parseModelName('someone/model')), 'someone/model:latest');
    assert.equal(shortName(parseModelName('example.com/library/model')), 'example.com/library/model:latest');
    assert.equal(shortName(name('REGISTRY.ollama.ai', 'Library', 'm', 't')), 'm:t');
  });

  const first = [...'ABCXYZabcxyz0189_'];
  const part = (rest: string) =>
    fc
      .tuple(
        fc.constantFrom(...first),
        fc.string({ unit: fc.constantFrom(...first, ...rest), maxLength: 79 }),
      )
      .map(([head, tail]) => head + tail);
  const names = fc.record({
    host: fc.oneof(part('.-:'), fc.constant('registry.ollama.ai')),
    namespace: fc.oneof(part('-'), fc.constant('library')),
    model: part('.-'),
    tag: part('.-'),
  });

  test('is the same after it was printed, in full or short, and typed again', () => {
    fc.assert(
      fc.property(names, (legal) => {
        assert.equal(illegalPart(legal), undefined);
        assert.deepEqual({ ...parseModelName(fullName(legal)) }, { ...legal });
        assert.deepEqual({ ...parseModelName(shortName(legal)) }, { ...legal });
      }),
    );
  });

  test('is either read as a legal one or refused with its own error, whatever is typed', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...'a/:.-@') })),
        (text) => {
          try {
            assert.equal(illegalPart(parseModelName(text)), undefined);
          } catch (error) {
            assert.ok(error instanceof KnownError && error.code === 'MODEL_MALFORMED', String(error));
          }
        },
      ),
    );
  });
});
