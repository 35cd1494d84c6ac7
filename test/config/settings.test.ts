import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { settingKeys } from '../../src/config/index.ts';
import { settingsSchema } from '../../src/config/settings.ts';

/** What a setting becomes; undefined where it is refused. */
function read(key: string, value: unknown): unknown {
  const result = settingsSchema.safeParse({ [key]: value });
  return result.success ? new Map(Object.entries(result.data)).get(key) : undefined;
}

const digest = `sha256:${'a'.repeat(64)}`;

/** By setting: what is taken, and what it becomes. */
const taken: readonly (readonly [key: string, value: unknown, becomes: unknown])[] = [
  ['store', '/srv/models', '/srv/models'],
  ['store', 'models', 'models'],
  ['state', '/s', '/s'],
  ['jobs', '0', 0],
  ['jobs', '1', 1],
  ['jobs', 256, 256],
  ['jobs', '007', 7],
  ['max-rate', '250MB/s', 250_000_000],
  ['max-rate', 1000, 1000],
  ['subset', '1/7', { part: 1, of: 7 }],
  ['max-duration', '10m', 600_000],
  ['max-duration', 90, 90_000],
  ['follow-links-into', '/a:/b', ['/a', '/b']],
  ['follow-links-into', ['/a', '/b:c'], ['/a', '/b:c']],
  ['follow-links-into', ':/a::', ['/a']],
  ['follow-links-into', [], []],
  ['fail-on', 'blob-orphan,model-remote', ['blob-orphan', 'model-remote']],
  ['fail-on', ['blob-orphan'], ['blob-orphan']],
  ['format', 'sarif', 'sarif'],
  [
    'report',
    'json=/r.json,sarif=x',
    [
      { format: 'json', file: '/r.json' },
      { format: 'sarif', file: 'x' },
    ],
  ],
  ['report', ['text=a=b,c'], [{ format: 'text', file: 'a=b,c' }]],
  ['progress', 'none', 'none'],
  ['expect-digest', digest, digest],
  ['min-version', '7', 7],
  ['min-version', 7, 7],
  ['user', 'ollama', 'ollama'],
  // As OpenShift gives them, and the last one.
  ['user', '1000660000:0', '1000660000:0'],
  ['user', '4294967294:4294967294', '4294967294:4294967294'],
];

const refused: readonly (readonly [key: string, ...values: unknown[]])[] = [
  ['user', '4294967295', '0:4294967295', '1000:', ':1', '-1', '1:2:3', 'a b', ''],
  ['store', '', 7, true, null, [], {}, 'a\0b'],
  ['state', '', 'a\0b'],
  ['jobs', '257', '-1', '1.5', 'many', '', ' 2', true, null, [], 1e3, 0.5, Number.NaN],
  ['max-rate', '0', 'fast', -1, 0, 1e30, null, ['1M']],
  ['subset', '0/7', '8/7', '1', 7],
  ['max-duration', '0', '25d', 'long', Number.POSITIVE_INFINITY],
  ['follow-links-into', [''], ['/a', ''], ['a\0b'], [7], 7, {}, null, true],
  [
    'fail-on',
    'no-such-rule',
    ['blob-orphan', 'constructor'],
    [7],
    ['blob-orphan,model-remote'],
    'blob-orphan, model-remote',
  ],
  ['format', 'xml', 'JSON', '', 7, null, ['json']],
  ['report', 'json', 'json=', '=x', 'xml=x', 'JSON=x', ['json=a', 'json'], 'json=a\0b', {}],
  ['progress', 'fancy', true],
  ['expect-digest', 'a'.repeat(64), digest.toUpperCase(), `${digest}a`],
  ['min-version', '0', '-1', '1.0', '1e3', '9'.repeat(16)],
];

describe('a setting', () => {
  for (const [key, value, becomes] of taken) {
    test(`${key}: ${JSON.stringify(value)} is taken`, () => assert.deepEqual(read(key, value), becomes));
  }

  for (const [key, ...values] of refused) {
    for (const value of values) {
      test(`${key}: ${JSON.stringify(value)} is refused`, () => assert.equal(read(key, value), undefined));
    }
  }

  for (const key of [
    'first-failure',
    'quick',
    'quiet',
    'offline',
    'whole',
    'exact',
    'allow-copies',
    'require-all',
  ]) {
    test(`${key} is true or false, in words or not`, () => {
      for (const value of [true, 'true', '1', 'yes']) assert.equal(read(key, value), true, String(value));
      for (const value of [false, 'false', '0', 'no', ''])
        assert.equal(read(key, value), false, String(value));
      for (const value of ['True', 'on', 'off', 'y', 'maybe', 1, 0, null, []]) {
        assert.equal(read(key, value), undefined, JSON.stringify(value));
      }
    });
  }

  test('is known by its key, and every key may be absent', () => {
    assert.deepEqual(settingsSchema.parse({}), {});
    for (const key of settingKeys) assert.match(key, /^[a-z]+(-[a-z]+)*$/);
  });

  test('with very many wrong values is refused once', () => {
    const result = settingsSchema.safeParse({ 'fail-on': Array(300_000).fill('x') });
    assert.equal(result.success, false);
    assert.equal(result.error?.issues.length, 1);
  });
});
