import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { KnownError } from '../../src/errors/index.ts';
import {
  digestBytes,
  digestFromBytes,
  digestHex,
  emptyDigest,
  isDigest,
  parseDigest,
  shortDigest,
} from '../../src/oci/index.ts';

const hex = '0123456789abcdef'.repeat(4);

/** Texts that are no digest, by what is wrong with them. */
const malformed: Readonly<Record<string, string>> = {
  'the empty text': '',
  'no algorithm': hex,
  'upper-case digits': `sha256:${hex.toUpperCase()}`,
  'one upper-case digit': `sha256:${hex.slice(1)}A`,
  'an upper-case algorithm': `SHA256:${hex}`,
  '63 digits': `sha256:${hex.slice(1)}`,
  '65 digits': `sha256:${hex}0`,
  'sha512 with 64 digits': `sha512:${hex}`,
  'sha512 with 128 digits': `sha512:${hex}${hex}`,
  'a dash for the colon': `sha256-${hex}`,
  'two colons': `sha256::${hex}`,
  'a NUL at the end': `sha256:${hex}\0`,
  'a NUL within': `sha256:${hex.slice(1)}\0`,
  'a line break at the end': `sha256:${hex}\n`,
  'a space at the end': `sha256:${hex} `,
  'a space in front': ` sha256:${hex}`,
  'a byte order mark in front': `\ufeffsha256:${hex}`,
  'a path that climbs': 'sha256:../../../../etc/passwd',
  'a path that climbs, of 64 characters': `sha256:${'../'.repeat(21)}x`,
  'a path that climbs, percent-encoded': `sha256:${'%2e%2e%2f'.repeat(7)}a`,
  'one percent-encoded dot': `sha256:%2e${hex.slice(3)}`,
  'a slash': `sha256:${hex.slice(2)}/a`,
  'a digit outside ASCII': `sha256:${hex.slice(1)}\u0661`,
  'a letter outside hexadecimal': `sha256:${hex.slice(1)}g`,
  'a fullwidth digit': `sha256:${hex.slice(1)}\uff10`,
};

describe('a digest', () => {
  for (const [what, text] of Object.entries(malformed)) {
    test(`is refused: ${what}`, () => {
      assert.equal(isDigest(text), false);
      assert.throws(
        () => parseDigest(text),
        (error) => error instanceof KnownError && error.code === 'DIGEST_MALFORMED',
      );
    });
  }

  test('is sha256: and 64 lower-case hexadecimal digits', () => {
    assert.equal(parseDigest(`sha256:${hex}`), `sha256:${hex}`);
    assert.equal(parseDigest(`sha256:${'0'.repeat(64)}`), `sha256:${'0'.repeat(64)}`);
  });

  test('that is refused is shown in part only', () => {
    assert.throws(
      () => parseDigest('x'.repeat(1_000_000)),
      (error) => error instanceof KnownError && error.message === `not a SHA-256 digest: ${'x'.repeat(80)}`,
    );
  });

  test('gives its digits, and twelve of them as ollama list does', () => {
    const digest = parseDigest(`sha256:${hex}`);
    assert.equal(digestHex(digest), hex);
    assert.equal(shortDigest(digest), '0123456789ab');
  });

  test('of nothing is the known one', () => {
    assert.equal(emptyDigest, digestFromBytes(createHash('sha256').digest()));
  });

  test('and its 32 bytes are made from each other', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        assert.deepEqual(new Uint8Array(digestBytes(digestFromBytes(bytes))), bytes);
      }),
    );
  });

  test('is made from a part of a larger buffer', () => {
    const large = Uint8Array.from({ length: 40 }, (_, i) => i);
    assert.equal(digestHex(digestFromBytes(large.subarray(4, 36))).slice(0, 6), '040506');
  });

  for (const length of [0, 31, 33, 64]) {
    test(`is not made from ${length} bytes`, () => {
      assert.throws(() => digestFromBytes(new Uint8Array(length)), { code: 'DIGEST_MALFORMED' });
    });
  }

  test('is no text but those of its grammar', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string().map((s) => `sha256:${s}`),
        ),
        (text) => {
          assert.equal(isDigest(text), false);
        },
      ),
    );
  });
});
