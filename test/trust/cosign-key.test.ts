import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { KnownError } from '../../src/errors/index.ts';
import { cosignLabels, openCosignKey, sealCosignKey } from '../../src/trust/cosign-key.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { refusedWith } from '../fixtures/refused-with.ts';

const secret = Buffer.from('thirty-eight bytes that nobody may see');
const random = (bytes: number) => patternedBytes(bytes);
const sealed = sealCosignKey(secret, 'right', random);
const bodyOf = (pem: string): string => pem.split('\n').slice(1, -2).join('\n');

interface Box {
  readonly kdf: object;
  readonly cipher: object;
  readonly ciphertext: string;
}
const box = JSON.parse(Buffer.from(bodyOf(sealed), 'base64').toString('utf8')) as Box;
const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64');

/** The same key with some of its parts replaced; undefined takes one away. */
const withKdf = (parts: object): string => encode({ ...box, kdf: { ...box.kdf, ...parts } });
const withCipher = (parts: object): string => encode({ ...box, cipher: { ...box.cipher, ...parts } });
const withBox = (ciphertext: string): string => encode({ ...box, ciphertext });

describe("a key sealed in cosign's format", () => {
  test('opens with its passphrase, and holds the same bytes', () => {
    assert.deepEqual(Buffer.from(openCosignKey(bodyOf(sealed), 'right')), secret);
  });

  test('is a PEM block of lines of 64 characters, in the form that cosign writes', () => {
    const lines = sealed.split('\n');
    assert.equal(lines[0], `-----BEGIN ${cosignLabels[0]}-----`);
    assert.equal(lines.at(-2), `-----END ${cosignLabels[0]}-----`);
    assert.equal(lines.at(-1), '');
    assert.ok(lines.slice(1, -3).every((line) => line.length === 64));
    const { kdf, cipher, ciphertext } = box;
    assert.deepEqual(
      { kdf, cipher },
      {
        kdf: {
          name: 'scrypt',
          params: { N: 65536, r: 8, p: 1 },
          salt: Buffer.from(patternedBytes(32)).toString('base64'),
        },
        cipher: { name: 'nacl/secretbox', nonce: Buffer.from(patternedBytes(24)).toString('base64') },
      },
    );
    assert.equal(Buffer.from(ciphertext, 'base64').length, secret.length + 16);
  });

  test('does not open with another passphrase, nor with none', () => {
    for (const passphrase of ['wrong', 'right ', 'RIGHT', '']) {
      assert.throws(() => openCosignKey(bodyOf(sealed), passphrase), refusedWith('KEY_PASSPHRASE'));
    }
  });

  test('may have an empty passphrase, as cosign allows', () => {
    const open = bodyOf(sealCosignKey(secret, '', random));
    assert.deepEqual(Buffer.from(openCosignKey(open, '')), secret);
    assert.throws(() => openCosignKey(open, 'x'), refusedWith('KEY_PASSPHRASE'));
  });

  test('does not open when its box, its nonce or its salt was changed', () => {
    const changed = (bytes: Uint8Array): string => {
      const copy = Buffer.from(bytes);
      copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
      return copy.toString('base64');
    };
    for (const body of [
      withBox(changed(Buffer.from(box.ciphertext, 'base64'))),
      withBox(''),
      withCipher({ nonce: changed(random(24)) }),
      withKdf({ salt: changed(random(32)) }),
    ]) {
      assert.throws(() => openCosignKey(body, 'right'), refusedWith('KEY_PASSPHRASE'));
    }
  });
});

describe('a file that is no such key is refused before any work is done for it', () => {
  const forms: Record<string, string> = {
    'no JSON': encode('sealed'),
    nothing: '',
    'a number': encode(5),
    'a list': encode([]),
    'a duplicate key': encode(JSON.stringify(box).replace('{"kdf"', '{"ciphertext":"","kdf"')),
    'another key derivation': withKdf({ name: 'pbkdf2' }),
    'another cipher': withCipher({ name: 'none' }),
    'a salt that is no text': withKdf({ salt: 5 }),
    'a salt that is no base64': withKdf({ salt: '*'.repeat(32) }),
    'no nonce': withCipher({ nonce: undefined }),
    'a short nonce': withCipher({ nonce: 'AAAA' }),
    'a box that is no base64': withBox('-_'),
    'a depth bomb': encode('['.repeat(10_000)),
  };
  for (const [name, body] of Object.entries(forms)) {
    test(name, () => {
      assert.throws(() => openCosignKey(body, 'right'), refusedWith('KEY_UNUSABLE'));
    });
  }

  const mib = 1024 * 1024;
  const costs: readonly (readonly [string, Record<string, unknown>])[] = [
    ['1 GiB of memory', { N: mib, r: 8, p: 1 }],
    ['the memory of all machines', { N: 2 ** 52, r: 8, p: 1 }],
    ['more memory by r', { N: 2, r: 2 ** 30, p: 1 }],
    ['512 MiB, and the work of two such', { N: mib / 2, r: 8, p: 2 }],
    ['an endless number of passes', { N: 2, r: 1, p: 2 ** 52 }],
    ['a product beyond every number', { N: 2 ** 52, r: 2 ** 52, p: 2 ** 52 }],
    ['N that is no power of two', { N: 65537, r: 8, p: 1 }],
    ['N beyond what r allows', { N: 2 ** 16, r: 1, p: 1 }],
    ['N below two', { N: 1, r: 8, p: 1 }],
    ['no r', { N: 65536, r: 0, p: 1 }],
    ['no p', { N: 65536, r: 8, p: 0 }],
    ['N as a text', { N: '65536', r: 8, p: 1 }],
    ['N as a fraction', { N: 65536.5, r: 8, p: 1 }],
    ['a missing parameter', { N: 65536, r: 8 }],
  ];
  for (const [name, params] of costs) {
    test(`scrypt with ${name}`, () => {
      assert.throws(() => openCosignKey(withKdf({ params }), 'right'), refusedWith('KEY_UNUSABLE'));
    });
  }

  test('N written as 65536.0 or 6.5536e4 is no exact integer', () => {
    for (const text of ['65536.0', '6.5536e4']) {
      const body = encode(JSON.stringify(box).replace('65536', text));
      assert.throws(() => openCosignKey(body, 'right'), refusedWith('KEY_UNUSABLE'));
    }
  });

  test('whatever the bytes are, the error is a known one', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.base64String()), (text) => {
        assert.throws(
          () => openCosignKey(text, 'right'),
          (error) => error instanceof KnownError,
        );
        assert.throws(
          () => openCosignKey(encode(text), 'right'),
          (error) => error instanceof KnownError,
        );
      }),
      { numRuns: 200 },
    );
  });
});
