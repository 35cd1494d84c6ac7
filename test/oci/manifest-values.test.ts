import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { digestOf, good, manifestText, problemsOf } from './manifest-texts.ts';

describe('a size must be written as an exact integer', () => {
  for (const size of [
    '1.0',
    '10.5',
    '1e3',
    '1E0',
    '1e-3',
    '-0',
    '0.0',
    '9007199254740992',
    '9007199254740993',
    '18446744073709551616',
    '1e400',
    '-9007199254740992',
    '1'.repeat(400),
  ]) {
    test(`${size.slice(0, 30)} is refused`, () => {
      assert.deepEqual(problemsOf(manifestText({ layers: `[${good.replace(':10', `:${size}`)}]` })), [
        `ambiguous: "size" is not an exact integer below 2^53: ${size.slice(0, 40)}`,
      ]);
    });
  }

  for (const [size, code] of Object.entries({
    '-1': 'too_small',
    '-9007199254740991': 'too_small',
    '"10"': 'invalid_type',
    null: 'invalid_type',
    true: 'invalid_type',
    '[10]': 'invalid_type',
    '{}': 'invalid_type',
  })) {
    test(`${size} is refused`, () => {
      assert.deepEqual(problemsOf(manifestText({ layers: `[${good.replace(':10', `:${size}`)}]` })), [
        `ambiguous: "layers.0.size" is not what the schema asks for (${code})`,
      ]);
    });
  }

  for (const size of ['01', '+1', '0x10', '.5', '1.', '1e', '--1', 'NaN', 'Infinity', '1_000']) {
    test(`${size} is no JSON`, () => {
      assert.match(
        problemsOf(manifestText({ layers: `[${good.replace(':10', `:${size}`)}]` }))[0] ?? '',
        /^broken: /,
      );
    });
  }

  test('the version of the schema too', () => {
    assert.deepEqual(problemsOf(manifestText().replace('"schemaVersion":2', '"schemaVersion":2.0')), [
      'ambiguous: "schemaVersion" is not an exact integer below 2^53: 2.0',
    ]);
  });

  test('numbers elsewhere may be any', () => {
    const layers = `[${good.replace('"size"', '"x":[1.5,1e400,-0],"size"')}]`;
    assert.deepEqual(problemsOf(manifestText({ layers })), []);
  });
});

describe('a digest of a layer must be sha256: and 64 lower-case digits', () => {
  const hex = 'a'.repeat(64);
  for (const [what, digest] of Object.entries({
    'upper case': `sha256:${hex.toUpperCase()}`,
    'one capital': `sha256:${hex.slice(1)}A`,
    'an upper-case algorithm': `SHA256:${hex}`,
    '63 digits': `sha256:${hex.slice(1)}`,
    '65 digits': `sha256:${hex}a`,
    sha512: `sha512:${hex}${hex}`,
    'sha512 of 64 digits': `sha512:${hex}`,
    'an escaped NUL at the end': `sha256:${hex}\\u0000`,
    'an escaped NUL within': `sha256:\\u0000${hex.slice(1)}`,
    'a line break at the end': `sha256:${hex}\\n`,
    'percent-encoded dots': `sha256:%2e%2e%2f${hex.slice(9)}`,
    'a climbing path': `sha256:../../../${hex.slice(9)}`,
    'a long climbing path': 'sha256:../../../../../../../../tmp/escape',
    'a dash for the colon': `sha256-${hex}`,
    nothing: '',
    'a pseudo-digest of a fork': `hf:${hex}`,
  })) {
    test(`${what} is refused`, () => {
      const layers = `[${good.replace(digestOf('a'), digest)}]`;
      assert.deepEqual(problemsOf(manifestText({ layers })), [
        'ambiguous: "layers.0.digest" is not sha256: and 64 lower-case hexadecimal digits',
      ]);
    });
  }

  for (const value of ['null', '7', '[]', '{}', `["${digestOf('a')}"]`]) {
    test(`${value.slice(0, 10)} is refused`, () => {
      const layers = `[${good.replace(`"${digestOf('a')}"`, value)}]`;
      assert.deepEqual(problemsOf(manifestText({ layers })), [
        'ambiguous: "layers.0.digest" is not sha256: and 64 lower-case hexadecimal digits',
      ]);
    });
  }

  test('it may be written with escapes: only its value counts', () => {
    const layers = `[${good.replace('sha256:a', 'sha256:\\u0061')}]`;
    assert.deepEqual(problemsOf(manifestText({ layers })), []);
  });
});
