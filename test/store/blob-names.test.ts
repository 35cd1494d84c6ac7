import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseDigest } from '../../src/oci/index.ts';
import { blobFileName, classifyBlobName } from '../../src/store/index.ts';

const hex = '0123456789abcdef'.repeat(4);
const digest = parseDigest(`sha256:${hex}`);

describe('a name in blobs/', () => {
  test('is that of a blob with 64 lower-case digits, after a dash or, of old, a colon', () => {
    assert.deepEqual(classifyBlobName(`sha256-${hex}`), { kind: 'blob', digest });
    assert.deepEqual(classifyBlobName(`sha256:${hex}`), { kind: 'colon', digest });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.boolean(), (bytes, colon) => {
        const made = parseDigest(`sha256:${Buffer.from(bytes).toString('hex')}`);
        assert.deepEqual(classifyBlobName(blobFileName(made, colon)), {
          kind: colon ? 'colon' : 'blob',
          digest: made,
        });
      }),
    );
  });

  const others: Readonly<Record<string, readonly string[]>> = {
    upper: [`sha256-${hex.toUpperCase()}`, `sha256:${hex.slice(1)}A`],
    partial: [
      `sha256-${hex}-partial`,
      `sha256-${hex}-partial-0`,
      `sha256-${hex}-partial-15`,
      `sha256-${hex}.tmp`,
      'sha256-1',
      'sha256-18446744073709551615',
      `sha256-${hex.toUpperCase()}-partial`,
    ],
    foreign: [
      '',
      '.',
      'sha256-',
      'sha256',
      `sha256-${hex}0`,
      `sha256-${hex.slice(1)}`,
      `sha256-${hex}\n`,
      `\nsha256-${hex}`,
      ` sha256-${hex}`,
      `sha256-${hex.slice(1)}g`,
      `sha512-${hex}`,
      `Sha256-${hex}`,
      `sha256-${hex}-partial-`,
      `sha256-${hex}-partial--1`,
      `sha256-${hex}-Partial`,
      `sha256:${hex}-partial`,
      `sha256-${hex}.tmp2`,
      'sha256-123456789012345678901',
      'sha256-12a',
      'x'.repeat(255),
      `sha256-${'0'.repeat(300)}`,
    ],
  };
  for (const [kind, names] of Object.entries(others)) {
    test(`is ${kind} where Ollama would say so`, () => {
      for (const name of names) assert.deepEqual(classifyBlobName(name), { kind }, JSON.stringify(name));
    });
  }

  test('of any bytes is one of the five, and a blob only as it is written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 90 }), (name) => {
        const { kind } = classifyBlobName(name);
        assert.equal(kind === 'blob', /^sha256-[0-9a-f]{64}$/.test(name) && !name.endsWith('\n'));
      }),
    );
  });
});
