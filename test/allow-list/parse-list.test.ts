import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { listSizeLimit, parseAllowList, writeAllowList } from '../../src/allow-list/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { isListId } from '../../src/oci/index.ts';
import { withInvented } from '../fixtures/large-list.ts';
import { digestOf, layer, listedModel, listOf, onePiece } from '../fixtures/listed-models.ts';

const name = 'registry.ollama.ai/library/sample:latest';
const good = writeAllowList(listOf({ [name]: listedModel() }));

/** That these bytes are refused, with this problem. */
function refused(bytes: string | Uint8Array, problem: RegExp | string): void {
  assert.throws(
    () => parseAllowList(Buffer.from(bytes)),
    (error) => {
      assert.ok(error instanceof KnownError, String(error));
      assert.equal(error.code, 'LIST_MALFORMED');
      const said = String(error.facts.problem);
      if (typeof problem === 'string') assert.equal(said, problem);
      else assert.match(said, problem);
      return true;
    },
  );
}

/** The list with something in its text replaced, which must be there. */
function changed(from: string | RegExp, to: string): string {
  const text = good.replace(from, to);
  assert.notEqual(text, good);
  return text;
}

const withModel = (model: object, of = name) =>
  JSON.stringify({
    schema: 'urn:verify-models:allow-list:v1',
    ...{ listId: 'models', version: 1, models: { [of]: model } },
  });

const plain = JSON.parse(good).models[name];

describe('a list that another reader could read differently is refused', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['a key twice', changed('"version": 1', '"version": 1,\n  "version": 2')],
    ['a key in another case', changed('"version": 1', '"Version": 1')],
    ['a twin in another case', changed('"version": 1', '"version": 1,\n  "Version": 2')],
    ['an escaped twin', changed('"version": 1', '"version": 1,\n  "\\u0076ersion": 2')],
    ['a model twice', changed('"models": {', `"models": {\n    ${JSON.stringify(name)}: {},`)],
    ['a digest twice in a layer', changed('"size":7', `"digest":"${digestOf('x')}","size":7`)],
    ['a byte order mark', `\ufeff${good}`],
    ['a second list behind it', `${good}${good}`],
    ['a size beyond 2^53', changed('"size":7', '"size":9007199254740993')],
    ['a size with an exponent', changed('"size":7', '"size":7e0')],
    ['a negative size', changed('"size":7', '"size":-7')],
    ['half a surrogate pair', changed('"listId": "models"', '"listId": "mod\\ud800els"')],
  ];
  for (const [what, text] of cases) test(what, () => refused(text, /./));
});

describe('a list that is none is refused, and says where', () => {
  test('another schema', () =>
    refused(changed(':v1"', ':v2"'), 'the list: schema is not what the schema asks for'));
  test('an unknown key', () =>
    refused(changed('"version": 1', '"version": 1,\n  "extra": 1'), /^the list: the unknown key extra/));
  test('a version of 0', () => refused(changed('"version": 1', '"version": 0'), /^the list: version/));
  test('an id with a space', () => refused(changed('"models",', '"my models",'), /^the list: listId/));
  test('an unknown key that every object has', () => {
    const text = '"version": 1,\n  "__proto__": 1';
    refused(changed('"version": 1', text), /^the list: the unknown key __proto__/);
  });
  test('an unknown key of a model', () =>
    refused(
      withModel({ ...plain, trusted: true }),
      `${name}: the unknown key trusted is not what the schema asks for`,
    ));
  test('a digest in capitals', () => {
    const digest = plain.manifest.digest.toUpperCase().replace('SHA256', 'sha256');
    refused(
      withModel({ ...plain, manifest: { digest, size: 500 } }),
      `${name}: manifest.digest is not what the schema asks for`,
    );
  });
  test('layers that are null', () => refused(withModel({ ...plain, layers: null }), /layers is not what/));
  for (const size of [2 ** 20 - 1, 2 ** 19, 2 ** 31, 3 * 2 ** 20, 0])
    test(`pieces of ${size} bytes`, () => {
      const chunks = { size, count: 1, table: digestOf('table') };
      refused(
        withModel({ ...plain, layers: [{ ...layer('model', 'x'), chunks }] }),
        /layers\.0\.chunks\.size/,
      );
    });
  test('a number of pieces that does not follow from the size', () => {
    const chunks = { size: 2 ** 20, count: 2, table: digestOf('table') };
    refused(
      withModel({ ...plain, layers: [{ ...layer('model', 'x'), chunks }] }),
      /has 2 pieces in the list, and 1 by its size$/,
    );
  });
  test('a digest with two sizes', () =>
    refused(
      withModel({ ...plain, layers: [layer('model', 'x'), layer('adapter', 'x', 9)] }),
      /has two sizes or two chunk tables$/,
    ));
  test('a digest with two tables', () => {
    const chunks = onePiece('x');
    refused(
      withModel({ ...plain, layers: [layer('model', 'x'), { ...layer('model', 'x'), chunks }] }),
      /two chunk tables$/,
    );
  });
  test('a table of one piece that is the table of other bytes', () => {
    const chunks = onePiece('y');
    refused(
      withModel({ ...plain, layers: [{ ...layer('model', 'x'), chunks }] }),
      `${digestOf('x')} has one piece, and the chunk table of other bytes`,
    );
  });
  test('one table of two blobs', () => {
    const chunks = { size: 2 ** 20, count: 2, table: digestOf('table') };
    const big = (text: string) => ({ ...layer('model', text, 2 ** 21), chunks });
    refused(
      withModel({ ...plain, layers: [big('x'), big('y')] }),
      `${digestOf('x')} and ${digestOf('y')} have the same chunk table`,
    );
  });
  test('a manifest that is a layer of another size too', () => {
    const layers = [{ ...layer('model', 'x', 501), digest: plain.manifest.digest }];
    refused(withModel({ ...plain, layers }), /has two sizes or two chunk tables$/);
  });
  for (const [what, other] of [
    ['of another size', { ...plain, manifest: { ...plain.manifest, size: 501 } }],
    ['with another config', { ...plain, config: listedModel({ config: '{"a":1}' }).config }],
    ['with a layer less', { ...plain, layers: plain.layers.slice(1) }],
    ['with its layers in another order', { ...plain, layers: plain.layers.toReversed() }],
    [
      'with another media type of a layer',
      { ...plain, layers: [layer('adapter', 'weights'), plain.layers[1]] },
    ],
    [
      'with a file name on a layer',
      { ...plain, layers: [{ ...plain.layers[0], name: 'x' }, plain.layers[1]] },
    ],
  ] as const)
    test(`one manifest under two names, once ${what}`, () => {
      const twin = name.replace('sample', 'twin');
      const models = { [name]: plain, [twin]: other };
      refused(
        JSON.stringify({ ...JSON.parse(good), models }),
        `${name} and ${twin} pin the same manifest, and list other layers or another size of it`,
      );
    });
  test('nested 100,000 deep', () => refused(`${'['.repeat(100_000)}${']'.repeat(100_000)}`, /./));
  test('a list of 100 MB, by its size alone', () => {
    const bytes = new Uint8Array(100_000_000);
    refused(bytes, `it has 100000000 bytes, more than ${listSizeLimit}`);
  });
  test('more layers than any model has', () => {
    const layers = Array.from({ length: 20_001 }, () => 0);
    refused(withModel({ ...plain, layers }), `${name}: layers is not what the schema asks for`);
  });
});

describe('names', () => {
  for (const bad of [
    'sample',
    'library/sample:latest',
    'a/b/c/d:e',
    'h/n/m',
    'h/n/m:',
    'h/n n/m:t',
    'h/n/mоdel:t',
    '',
    '__proto__',
    '../x/y:z',
  ])
    test(`${JSON.stringify(bad)} is no full name`, () =>
      refused(withModel(plain, bad), /is not a full model name/));

  test('that differ in case only make a list refused', () =>
    refused(
      JSON.stringify({
        ...JSON.parse(good),
        models: { [name]: plain, [name.replace('sample', 'Sample')]: plain },
      }),
      /differ in case only$/,
    ));

  test('that are names of every object are names like others', () => {
    const odd = '__proto__/constructor/toString:valueOf';
    const list = parseAllowList(Buffer.from(withModel(plain, odd)));
    assert.deepEqual([...list.models.keys()], [odd]);
    assert.deepEqual(list.models.get(odd), listedModel());
  });

  test('of lists are short, and plain', () => {
    for (const id of ['models', 'a', 'corp/models:prod', 'A.b_c-d', 'x'.repeat(128)])
      assert.ok(isListId(id), id);
    for (const id of ['', '-a', '.a', 'a b', 'a\n', 'ä', 'x'.repeat(129)]) assert.ok(!isListId(id), id);
  });
});

test('one manifest under two names, with the same layers, is a list like others', () => {
  const models = { [name]: plain, [name.replace('sample', 'twin')]: { ...plain, note: 'the same' } };
  assert.equal(parseAllowList(Buffer.from(JSON.stringify({ ...JSON.parse(good), models }))).models.size, 2);
});

describe('aliases', () => {
  const withAliases = (text: string) => changed('"models": {', `"aliases": ${text},\n  "models": {`);

  test('stand for another host', () => {
    const { aliases } = parseAllowList(Buffer.from(withAliases('{"mirror.corp:5000":"registry.ollama.ai"}')));
    assert.deepEqual([...aliases], [['mirror.corp:5000', 'registry.ollama.ai']]);
  });
  test('may not head a listed name, in whatever case', () =>
    refused(
      withAliases('{"Registry.ollama.AI":"other.ai"}'),
      'the alias host Registry.ollama.AI also heads a listed name',
    ));
  test('apply once: none is the target of another, nor of itself', () => {
    for (const text of ['{"a.corp":"b.corp","b.corp":"registry.ollama.ai"}', '{"a.corp":"A.corp"}'])
      refused(withAliases(text), /is the target of another: aliases apply once$/);
  });
  test('are not equal without regard to case', () =>
    refused(withAliases('{"a.corp":"x.ai","A.corp":"y.ai"}'), /./));
  test('are hosts', () => {
    for (const text of ['{"a/b":"x.ai"}', '{"a.corp":"x/ai"}', '{"":"x.ai"}', '{"a.corp":""}'])
      refused(withAliases(text), /is no host$/);
  });
  test('are never passed over in silence', () => {
    const { aliases } = parseAllowList(Buffer.from(withAliases('{"__proto__":"registry.ollama.ai"}')));
    assert.deepEqual([...aliases], [['__proto__', 'registry.ollama.ai']]);
  });
  test('that are no texts are refused', () => {
    for (const text of ['{"a.corp":1}', '{"a.corp":null}', '[]', '"a"', 'null'])
      refused(withAliases(text), /^the list: aliases is not what the schema asks for$/);
  });
});

describe('any bytes', () => {
  const survives = (bytes: Uint8Array) => {
    try {
      parseAllowList(bytes);
    } catch (error) {
      assert.ok(error instanceof KnownError && error.code === 'LIST_MALFORMED', String(error));
    }
  };

  test('are a list or an error', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survives));
    fc.assert(fc.property(fc.json(), (text) => survives(Buffer.from(text))));
  });

  test('of a list with one byte changed are a list or an error', () => {
    const bytes = Buffer.from(good);
    const places = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    fc.assert(
      fc.property(places, ([at, byte]) => {
        const copy = Buffer.from(bytes);
        copy[at] = byte;
        survives(copy);
      }),
    );
  });
});

test('50,000 models are read, and written as the same bytes', () => {
  const text = writeAllowList(listOf({}, { models: withInvented(new Map(), 50_000) }));
  const list = parseAllowList(Buffer.from(text));
  assert.equal(list.models.size, 50_000);
  assert.equal(writeAllowList(list), text);
});
