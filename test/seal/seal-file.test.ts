import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type Digest, digestFromBytes } from '../../src/oci/index.ts';
import { decodeSeal, encodeSeal, type SealedFile, type SealHeader } from '../../src/seal/seal-file.ts';

const key = Buffer.alloc(32, 7);
const header: SealHeader = {
  ...{ store: '/models', madeAt: 1_790_000_000_000, bootId: 'boot', device: '66305' },
  ...{ source: '/dev/vda', type: 'ext4', list: null },
};

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes): Digest => digestFromBytes(bytes));
const number = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const file = fc
  .record({
    digest,
    table: fc.option(digest, { nil: undefined }),
    verity: fc.option(digest, { nil: undefined }),
    ino: number,
    size: number,
    mtimeNs: number,
    ctimeNs: number,
    provenAt: fc.nat(),
  })
  .filter(({ table, verity }) => ![table, verity].includes(`sha256:${'0'.repeat(64)}` as Digest))
  .map(
    ({ digest, table, verity, provenAt, ...times }): SealedFile => ({
      digest,
      table,
      verity,
      provenAt,
      identity: { dev: 66305n, ...times },
    }),
  );
const files = fc.uniqueArray(file, { selector: (each) => each.digest, maxLength: 40 });

const sealOf = (sealed: readonly SealedFile[]): Buffer => {
  const fileAt = (place: number): SealedFile => sealed[place] ?? assert.fail(`${place}`);
  return encodeSeal(header, { digests: sealed.map(({ digest }) => digest), fileAt }, key);
};

suite('the file of a seal', () => {
  test('gives back every file that was sealed, exactly, and no other', () => {
    fc.assert(
      fc.property(files, digest, (sealed, other) => {
        const open = decodeSeal(sealOf(sealed), key);
        assert.deepEqual(open?.header, header);
        for (const each of sealed) assert.deepEqual(open?.find(each.digest), each);
        if (!sealed.some((each) => each.digest === other)) assert.equal(open?.find(other), undefined);
      }),
    );
  });

  test('with any byte changed, cut off or added, or under another key, is no seal', () => {
    fc.assert(
      fc.property(files, fc.nat(), fc.integer({ min: 1, max: 255 }), (sealed, at, change) => {
        const bytes = sealOf(sealed);
        const damaged = Buffer.from(bytes);
        const where = at % bytes.length;
        damaged[where] = (damaged[where] ?? 0) ^ change;
        assert.equal(decodeSeal(damaged, key), undefined);
        assert.equal(decodeSeal(bytes.subarray(0, where), key), undefined);
        assert.equal(decodeSeal(Buffer.concat([bytes, Buffer.of(change)]), key), undefined);
        assert.equal(decodeSeal(bytes, Buffer.alloc(32, 8)), undefined);
      }),
    );
  });
});
