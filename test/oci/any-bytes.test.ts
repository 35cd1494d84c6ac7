import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  foldKey,
  type JsonRules,
  parseManifest,
  parseModelConfig,
  readStrictJson,
} from '../../src/oci/index.ts';
import { digestOf, good, manifestText } from './manifest-texts.ts';

const rules: JsonRules = { maxDepth: 1000, knownKeys: new Set(['size']), integerKeys: new Set(['size']) };

const plainText = manifestText({
  layers: `[${good},${good.replace('"size"', '"from":"x","name":"\\u00e9\\ud83d\\ude00","size"')}]`,
});

interface Edit {
  readonly at: number;
  readonly length: number;
  readonly put: Uint8Array;
}

/** Pieces that parsers stumble over. */
const piece = fc.oneof(
  fc.uint8Array({ maxLength: 4 }),
  fc
    .constantFrom(
      ...[
        '"',
        '\\',
        '\\u',
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '0',
        '-',
        '.',
        'e9',
        'null',
        ' ',
        '\0',
        '\ufeff',
        '\u2028',
      ],
      ...[
        ',"layers":[]',
        ',"LAYERS":[]',
        '"digest":',
        '"\\ud800"',
        `"${digestOf('e')}"`,
        '"__proto__":{',
        '\u017f',
      ],
    )
    .map((text) => new Uint8Array(Buffer.from(text))),
);

const edits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.record({ at: fc.nat(plainText.length), length: fc.nat(12), put: piece }),
  { minLength: 1, maxLength: 4 },
);

/** A sound manifest after somebody changed it here and there. */
const damaged = edits.map((all) =>
  all.reduce(
    (bytes, { at, length, put }) => Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + length)]),
    Buffer.from(plainText),
  ),
);

/** Texts made of JSON's own words, in any order. */
const jumbled = fc
  .array(fc.constantFrom(...'{}[],:"\\-.0e ', '"a"', '"A"', 'true', 'null', '"\\u0061"', '1'), {
    maxLength: 30,
  })
  .map((words) => Buffer.from(words.join('')));

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  damaged,
  jumbled,
  fc.json().map((s) => Buffer.from(s)),
);

/** What Node makes of the bytes; undefined where they are no JSON. */
function plainReading(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) };
  } catch {
    return undefined;
  }
}

const runs = { numRuns: 2000 };

describe('whatever the bytes are', () => {
  test('strict JSON never throws, gives the value of JSON.parse, and says broken only where there is none', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const json = readStrictJson(bytes, rules);
        const plain = plainReading(bytes);
        if (json.ok) assert.deepEqual(json.value, plain?.value);
        else {
          assert.notEqual(json.problems.length, 0);
          if (json.problems.some(({ kind }) => kind === 'broken')) assert.equal(plain, undefined);
        }
        if (plain === undefined) assert.equal(json.ok, false);
      }),
      runs,
    );
  });

  test('a manifest is accepted or refused with a reason, and never throws', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const reading = parseManifest(bytes);
        if (!reading.ok) {
          assert.notEqual(reading.problems.length, 0);
          return;
        }
        const { config, layers, remoteStub } = reading.manifest;
        assert.equal(layers.length === 0, remoteStub);
        for (const { digest, size } of [config, ...layers]) {
          assert.match(digest, /^sha256:[0-9a-f]{64}$/);
          assert.ok(Number.isSafeInteger(size) && size >= 0);
        }
      }),
      runs,
    );
  });

  test('an accepted manifest says what JSON.parse says', () => {
    let accepted = 0;
    fc.assert(
      fc.property(damaged, (bytes) => {
        const reading = parseManifest(bytes);
        if (!reading.ok) return;
        accepted += 1;
        const plain = plainReading(bytes)?.value as { config: object; layers: object[] | null };
        const fields = ({ mediaType, digest, size, name }: Record<string, unknown>) => ({
          mediaType,
          digest,
          size,
          name,
        });
        const { config, layers } = reading.manifest;
        assert.deepEqual(fields({ ...config }), fields({ ...plain.config }));
        assert.deepEqual(
          layers.map((layer) => fields({ ...layer })),
          (plain.layers ?? []).map((layer) => fields({ ...layer })),
        );
      }),
      runs,
    );
    assert.ok(accepted > 0, 'no damage left a manifest that is accepted');
  });

  test('a config is accepted or refused with a reason, and never throws', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const reading = parseModelConfig(bytes);
        assert.ok(reading.ok || reading.problems.length > 0);
      }),
      runs,
    );
  });
});

describe('what a writer of JSON writes', () => {
  /** Whether two keys of one object, or a key and a known one, could be taken for each other. */
  const hasTwins = (value: unknown): boolean => {
    if (typeof value !== 'object' || value === null) return false;
    const keys = Array.isArray(value) ? [] : Object.keys(value);
    const folded = new Set(keys.map(foldKey));
    return folded.size < keys.length || keys.includes('SIZE') || Object.values(value).some(hasTwins);
  };

  test('is read by strict JSON, unless two keys are twins', () => {
    const noInteger = { ...rules, integerKeys: new Set<string>() };
    const values = fc.jsonValue({ depthSize: 'medium' }).filter((value) => !hasTwins(value));
    fc.assert(
      fc.property(values, fc.constantFrom(undefined, 1, '\t'), (value, space) => {
        const text = JSON.stringify(value, null, space);
        assert.deepEqual(readStrictJson(Buffer.from(text), noInteger), { ok: true, value: JSON.parse(text) });
      }),
      runs,
    );
  });
});
