import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { config, digestOf, good, manifestText, other, problemsOf } from './manifest-texts.ts';

/** One member of a descriptor in place of another. */
const inGood = (from: string, to: string): string => manifestText({ layers: `[${good.replace(from, to)}]` });

const evil = digestOf('e');

// Go matches keys without regard to case and lets the last one win; JavaScript does neither. Each of these texts is
// one that Node would read as the good manifest and Ollama as another, or the other way round.
const refused: readonly (readonly [what: string, text: string, problems: readonly string[]])[] = [
  [
    '"layers" and then "LAYERS"',
    manifestText({ after: `,"LAYERS":[${other}]` }),
    ['ambiguous: the keys "layers" and "LAYERS" differ in case only'],
  ],
  [
    '"LAYERS" and then "layers"',
    manifestText({ before: `"LAYERS":[${other}],` }),
    [
      'ambiguous: the key "LAYERS" is not spelled "layers"',
      'ambiguous: the keys "LAYERS" and "layers" differ in case only',
    ],
  ],
  [
    'nothing but layers and LAYERS',
    `{"layers":[${good}],"LAYERS":[${other}]}`,
    ['ambiguous: the keys "layers" and "LAYERS" differ in case only'],
  ],
  [
    '"LAYERS" alone',
    manifestText().replace('"layers"', '"LAYERS"'),
    ['ambiguous: the key "LAYERS" is not spelled "layers"'],
  ],
  [
    '"layers" twice',
    manifestText({ after: `,"layers":[${other}]` }),
    ['ambiguous: the key "layers" stands twice in one object'],
  ],
  [
    '"layers" twice with the same value',
    manifestText({ after: `,"layers":[${good}]` }),
    ['ambiguous: the key "layers" stands twice in one object'],
  ],
  [
    '"config" and "Config"',
    manifestText({ after: `,"Config":${other}` }),
    ['ambiguous: the keys "config" and "Config" differ in case only'],
  ],
  [
    '"config" twice',
    manifestText({ after: `,"config":${config}` }),
    ['ambiguous: the key "config" stands twice in one object'],
  ],
  [
    '"digest" and "Digest" in a layer',
    inGood('"size"', `"Digest":"${evil}","size"`),
    ['ambiguous: the keys "digest" and "Digest" differ in case only'],
  ],
  [
    '"digest" twice in a layer',
    inGood('"size"', `"digest":"${evil}","size"`),
    ['ambiguous: the key "digest" stands twice in one object'],
  ],
  [
    '"digest" and "DIGEST" in the config',
    manifestText({ config: config.replace('"size"', `"DIGEST":"${evil}","size"`) }),
    ['ambiguous: the keys "digest" and "DIGEST" differ in case only'],
  ],
  [
    '"Size" alone in a layer',
    inGood('"size"', '"Size"'),
    ['ambiguous: the key "Size" is not spelled "size"'],
  ],
  [
    '"mediatype" beside "mediaType" in a layer',
    inGood('"size"', '"mediatype":"application/vnd.ollama.image.system","size"'),
    ['ambiguous: the keys "mediaType" and "mediatype" differ in case only'],
  ],
  [
    '"SchemaVersion"',
    manifestText().replace('schemaVersion', 'SchemaVersion'),
    ['ambiguous: the key "SchemaVersion" is not spelled "schemaVersion"'],
  ],
  [
    '"MediaType"',
    manifestText().replace('mediaType', 'MediaType'),
    ['ambiguous: the key "MediaType" is not spelled "mediaType"'],
  ],
  [
    '"From" in a layer',
    inGood('"size"', '"From":"x","size"'),
    ['ambiguous: the key "From" is not spelled "from"'],
  ],
  [
    '"Name" in a layer',
    inGood('"size"', '"Name":"x","size"'),
    ['ambiguous: the key "Name" is not spelled "name"'],
  ],
  [
    'a twin of "layers" with an escaped letter',
    manifestText({ after: `,"\\u006cayers":[${other}]` }),
    ['ambiguous: the key "layers" stands twice in one object'],
  ],
  [
    'a twin of "layers" with an escaped capital',
    manifestText({ after: `,"\\u004cayers":[${other}]` }),
    ['ambiguous: the keys "layers" and "Layers" differ in case only'],
  ],
  [
    '"\\u0064igest" for "digest", without a twin',
    inGood('"digest"', '"\\u0064igest"'),
    ['ambiguous: the key "digest" is written with escapes'],
  ],
  [
    '"digest" written with escapes throughout',
    inGood('"digest"', '"\\u0064\\u0069\\u0067\\u0065\\u0073\\u0074"'),
    ['ambiguous: the key "digest" is written with escapes'],
  ],
  [
    '"\\u0064igest" beside "digest"',
    inGood('"size"', `"\\u0064igest":"${evil}","size"`),
    ['ambiguous: the key "digest" stands twice in one object'],
  ],
  [
    '"layer\u017f" (U+017F, which Go folds to s) beside "layers"',
    manifestText({ after: `,"layer\u017f":[${other}]` }),
    ['ambiguous: the keys "layers" and "layer\u017f" differ in case only'],
  ],
  [
    '"layer\u017f" alone',
    manifestText().replace('"layers"', '"layer\u017f"'),
    ['ambiguous: the key "layer\u017f" is not spelled "layers"'],
  ],
  [
    '"\u017fize" in a layer',
    inGood('"size"', '"\u017fize"'),
    ['ambiguous: the key "\u017fize" is not spelled "size"'],
  ],
  [
    '"dige\\u017ft" in a layer, escaped',
    inGood('"size"', `"dige\\u017ft":"${evil}","size"`),
    ['ambiguous: the keys "digest" and "dige\u017ft" differ in case only'],
  ],
  [
    'two unknown keys in a layer that differ by U+212A, which Go folds to k',
    inGood('"size"', '"key":1,"\u212aey":2,"size"'),
    ['ambiguous: the keys "key" and "\u212aey" differ in case only'],
  ],
  [
    'a duplicate key deep within an unknown one',
    inGood('"size"', '"x":[{"y":{"a":1,"a":2}}],"size"'),
    ['ambiguous: the key "a" stands twice in one object'],
  ],
  [
    'a duplicate annotation',
    manifestText({ after: ',"annotations":{"a":"1","a":"2"}' }),
    ['ambiguous: the key "a" stands twice in one object'],
  ],
  [
    'two keys of half a surrogate pair each, which Go reads as one',
    manifestText({ after: ',"annotations":{"\\ud800":"1","\\ud801":"2"}' }),
    [
      'ambiguous: the key "\\ud800" holds half of a surrogate pair',
      'ambiguous: the key "\\ud801" holds half of a surrogate pair',
    ],
  ],
  [
    'half of a surrogate pair in a value',
    inGood('"size"', '"name":"\\ud800","size"'),
    ['ambiguous: a string holds half of a surrogate pair'],
  ],
];

describe('a manifest that two parsers would read differently is refused', () => {
  for (const [what, text, problems] of refused) {
    test(what, () => assert.deepEqual(problemsOf(text), problems));
  }

  test('and the manifest without the trick is accepted', () =>
    assert.deepEqual(problemsOf(manifestText()), []));
});

describe('bytes around a manifest', () => {
  for (const tail of ['x', '{}', ' {"layers":[]}', '\0', '\ufeff', '\u00a0', ']', ',', '\n\n\u2028']) {
    test(`${JSON.stringify(tail)} behind it is refused`, () => {
      const [problem, ...more] = problemsOf(`${manifestText()}${tail}`);
      assert.match(problem ?? '', /^ambiguous: \d+ characters follow the end of the JSON value$/);
      assert.deepEqual(more, []);
    });
  }

  for (const tail of ['\n', ' ', '\r\n\t ']) {
    test(`${JSON.stringify(tail)} behind it is white space and accepted`, () => {
      assert.deepEqual(problemsOf(`${manifestText()}${tail}`), []);
    });
  }

  test('a byte order mark in front is refused', () => {
    assert.deepEqual(problemsOf(`\ufeff${manifestText()}`), ['ambiguous: it starts with a byte order mark']);
  });

  test('UTF-16 is refused', () => {
    assert.deepEqual(problemsOf(Buffer.from(`\ufeff${manifestText()}`, 'utf16le')), [
      'ambiguous: it is not valid UTF-8',
    ]);
    assert.deepEqual(problemsOf(Buffer.from(manifestText(), 'utf16le')), [
      'broken: it is not JSON at character 1',
    ]);
  });

  for (const [what, bytes] of Object.entries({
    'a lone continuation byte': [0x80],
    'an overlong slash': [0xc0, 0xaf],
    'an encoded surrogate': [0xed, 0xa0, 0x80],
    'a code point beyond U+10FFFF': [0xf4, 0x90, 0x80, 0x80],
    'a cut sequence': [0xe2, 0x82],
  })) {
    test(`${what} in a string is refused`, () => {
      const [before = '', after = ''] = inGood('"size"', '"name":"|","size"').split('|');
      const text = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
      assert.deepEqual(problemsOf(text), ['ambiguous: it is not valid UTF-8']);
    });
  }
});
