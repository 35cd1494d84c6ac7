import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseManifest } from '../../src/oci/index.ts';
import {
  config,
  digestOf,
  good,
  manifestText,
  manifestType,
  other,
  problemsOf,
  readText,
} from './manifest-texts.ts';

const ociType = 'application/vnd.oci.image.manifest.v1+json';

/** The manifest that a text is, which must be accepted. */
function manifestOf(text: string) {
  const reading = readText(text);
  assert.ok(reading.ok, JSON.stringify(reading));
  return reading.manifest;
}

const goodConfig = {
  mediaType: 'application/vnd.docker.container.image.v1+json',
  digest: digestOf('c'),
  size: 3,
  kind: 'config',
};
const goodLayer = {
  mediaType: 'application/vnd.ollama.image.model',
  digest: digestOf('a'),
  size: 10,
  kind: 'weights',
};

describe('a manifest as Ollama stores it', () => {
  test('is its config and its layers, in order, each with its kind', () => {
    const layers = `[${good},${other.replace('image.model', 'image.system')}]`;
    assert.deepEqual(manifestOf(manifestText({ layers })), {
      mediaType: manifestType,
      config: goodConfig,
      layers: [
        goodLayer,
        { mediaType: 'application/vnd.ollama.image.system', digest: digestOf('e'), size: 10, kind: 'system' },
      ],
      remoteStub: false,
      plainKeys: true,
    });
  });

  test('may end in a line break, as locally made ones do', () => {
    assert.equal(manifestOf(`${manifestText()}\n`).layers.length, 1);
  });

  test('of a tensor model keeps the names of its layers; where a layer came from is no part of it', () => {
    const named = good.replace('"size"', '"from":"/home/me/x.gguf","name":"config.json","size"');
    assert.deepEqual(manifestOf(manifestText({ layers: `[${named}]` })).layers, [
      { ...goodLayer, name: 'config.json' },
    ]);
  });

  test('may name one blob twice', () => {
    assert.equal(manifestOf(manifestText({ layers: `[${good},${good}]` })).layers.length, 2);
  });

  test('may have unknown members in a layer', () => {
    assert.deepEqual(
      problemsOf(manifestText({ layers: `[${good.replace('"size"', '"x":{"y":[1]},"size"')}]` })),
      [],
    );
  });

  test('without layers (null) is a stub for a model that runs elsewhere', () => {
    const stub = manifestOf(manifestText({ layers: 'null' }));
    assert.deepEqual([stub.remoteStub, stub.layers], [true, []]);
  });

  test('may be an OCI manifest with its own members, which are then not those of Ollama alone', () => {
    const text = manifestText({
      after: `,"annotations":{"org.opencontainers.image.title":"x"},"artifactType":"a/b","subject":${config}`,
    }).replace(manifestType, ociType);
    const manifest = manifestOf(text);
    assert.equal(manifest.mediaType, ociType);
    assert.equal(manifest.plainKeys, false);
  });

  test('without a media type is taken for the first, and does not have the keys that Ollama writes', () => {
    const manifest = manifestOf(manifestText().replace(`"mediaType":"${manifestType}",`, ''));
    assert.deepEqual([manifest.mediaType, manifest.plainKeys], [manifestType, false]);
  });

  test('may have blobs of zero bytes and of 2^53 - 1', () => {
    const layers = `[${good.replace(':10', ':0')},${other.replace(':10', ':9007199254740991')}]`;
    assert.deepEqual(
      manifestOf(manifestText({ layers })).layers.map(({ size }) => size),
      [0, 9007199254740991],
    );
  });
});

const notAsAsked = (where: string, code: string) =>
  `ambiguous: ${where} is not what the schema asks for (${code})`;

const refused: readonly (readonly [what: string, text: string, problems: readonly string[]])[] = [
  [
    'an empty object',
    '{}',
    [
      notAsAsked('"schemaVersion"', 'invalid_value'),
      notAsAsked('"config"', 'invalid_type'),
      notAsAsked('"layers"', 'invalid_type'),
    ],
  ],
  ['an array', '[]', [notAsAsked('the manifest', 'invalid_type')]],
  ['null', 'null', [notAsAsked('the manifest', 'invalid_type')]],
  ['a text', '"x"', [notAsAsked('the manifest', 'invalid_type')]],
  ['a number', '7', [notAsAsked('the manifest', 'invalid_type')]],
  [
    'empty layers',
    manifestText({ layers: '[]' }),
    ['ambiguous: "layers" is empty: a model without any content'],
  ],
  ['layers that are an object', manifestText({ layers: '{}' }), [notAsAsked('"layers"', 'invalid_type')]],
  ['no layers at all', `{"schemaVersion":2,"config":${config}}`, [notAsAsked('"layers"', 'invalid_type')]],
  ['a null config', manifestText({ config: 'null' }), [notAsAsked('"config"', 'invalid_type')]],
  [
    'an empty config',
    manifestText({ config: '{}' }),
    [
      notAsAsked('"config.mediaType"', 'invalid_type'),
      'ambiguous: "config.digest" is not sha256: and 64 lower-case hexadecimal digits',
      notAsAsked('"config.size"', 'invalid_type'),
    ],
  ],
  ['a null layer', manifestText({ layers: `[${good},null]` }), [notAsAsked('"layers.1"', 'invalid_type')]],
  [
    'an unknown key',
    manifestText({ after: ',"signature":"x"' }),
    ['ambiguous: it has the unknown key "signature"'],
  ],
  [
    'the unknown key __proto__',
    manifestText({ after: `,"__proto__":{"layers":[${other}]}` }),
    ['ambiguous: it has the unknown key "__proto__"'],
  ],
  [
    'an unknown key of a million characters, shown in part',
    manifestText({ after: `,"${'k'.repeat(1_000_000)}":1` }),
    [`ambiguous: it has the unknown key "${'k'.repeat(40)}"`],
  ],
  [
    'an OCI index',
    `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[${good}]}`,
    [
      notAsAsked('"mediaType"', 'invalid_value'),
      notAsAsked('"config"', 'invalid_type'),
      notAsAsked('"layers"', 'invalid_type'),
      'ambiguous: it has the unknown key "manifests"',
    ],
  ],
  [
    'an OCI index that is a manifest too',
    manifestText({ after: `,"manifests":[${other}]` }),
    ['ambiguous: it has the unknown key "manifests"'],
  ],
  [
    'another media type',
    manifestText().replace(manifestType, 'text/plain'),
    [notAsAsked('"mediaType"', 'invalid_value')],
  ],
  [
    'schema version 1',
    manifestText().replace('"schemaVersion":2', '"schemaVersion":1'),
    [notAsAsked('"schemaVersion"', 'invalid_value')],
  ],
  [
    'a schema version that is a text',
    manifestText().replace('"schemaVersion":2', '"schemaVersion":"2"'),
    [notAsAsked('"schemaVersion"', 'invalid_value')],
  ],
  [
    'annotations that are no texts',
    manifestText({ after: ',"annotations":{"a":1}' }),
    ['ambiguous: "annotations" is not a map of texts'],
  ],
  [
    'annotations that are a list',
    manifestText({ after: ',"annotations":["a"]' }),
    ['ambiguous: "annotations" is not a map of texts'],
  ],
  [
    'a media type that is longer than any',
    manifestText({ layers: `[${good.replace('image.model', 'x'.repeat(300))}]` }),
    [notAsAsked('"layers.0.mediaType"', 'too_big')],
  ],
  [
    'a digest that is missing',
    manifestText({ layers: `[${good.replace('"digest"', '"x"')}]` }),
    ['ambiguous: "layers.0.digest" is not sha256: and 64 lower-case hexadecimal digits'],
  ],
  [
    'a descriptor whose digest lies in its prototype',
    manifestText({ layers: `[{"mediaType":"x","size":1,"__proto__":{"digest":"${digestOf('a')}"}}]` }),
    ['ambiguous: "layers.0.digest" is not sha256: and 64 lower-case hexadecimal digits'],
  ],
];

describe('a manifest is refused when it has', () => {
  for (const [what, text, problems] of refused) {
    test(what, () => assert.deepEqual(problemsOf(text), problems));
  }
});

describe('a manifest that is no JSON is broken', () => {
  for (const text of [
    '',
    ' ',
    '{',
    '[',
    manifestText().slice(0, -1),
    `x${manifestText()}`,
    '// x\n{}',
    "{'a':1}",
  ]) {
    test(JSON.stringify(text.slice(0, 20)), () => {
      assert.match(problemsOf(text)[0] ?? '', /^broken: /);
    });
  }

  test('and an empty file is', () => {
    assert.deepEqual(parseManifest(new Uint8Array()), {
      ok: false,
      problems: [{ kind: 'broken', detail: 'it ends too early' }],
    });
  });
});
