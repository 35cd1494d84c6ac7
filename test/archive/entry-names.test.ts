import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  blobName,
  digestInName,
  entryKind,
  isTool,
  modeOf,
  tableName,
} from '../../src/archive/entry-names.ts';
import { digestOf } from '../fixtures/blob-directory.ts';

const digest = digestOf(Buffer.from('x'));
const hex = digest.slice('sha256:'.length);

describe('names in an archive', () => {
  test('have a kind each', () => {
    for (const [name, kind] of [
      ['oci-layout', 'oci'],
      ['index.json', 'oci'],
      ['allow-list.json', 'list'],
      ['allow-list.json.sigstore.jsonl', 'list'],
      ['trust.json', 'list'],
      ['trust.json.sigstore.jsonl', 'list'],
      ['trust/12.json', 'list'],
      ['trust/12.json.sigstore.jsonl', 'list'],
      ['trusted_root.json', 'list'],
      [`chunks/${hex}`, 'table'],
      ['bom/a.cdx.json', 'bom'],
      [`bom/${'a'.repeat(80)}`, 'bom'],
      ['tool/verify-models', 'tool'],
      [`blobs/sha256/${hex}`, 'blob'],
    ] as const)
      assert.equal(entryKind(name), kind, name);
  });

  test('are these alone: no way out, no second spelling', () => {
    for (const name of [
      ...['', '.', '..', '/', '../oci-layout', './oci-layout', '/oci-layout', 'oci-layout/', 'oci-layout\0'],
      ...['OCI-Layout', 'Index.json', 'verify-models-index.json', 'allow-list.json\n', ' allow-list.json'],
      ...['trust/0.json', 'trust/01.json', 'trust/1234567890.json', 'trust/../1.json', 'trust/-1.json'],
      ...[`chunks/${hex.toUpperCase()}`, `chunks/${hex}0`, `chunks/${hex.slice(1)}`, `blobs/sha512/${hex}`],
      ...[`blobs/sha256/${hex}/x`, `blobs/sha256/../${hex}`, `blobs\\sha256\\${hex}`, `xblobs/sha256/${hex}`],
      ...['bom/', 'bom/.x', 'bom/A.json', 'bom/a/b', 'bom/é', `bom/${'a'.repeat(81)}`, 'bom/..', 'bom/a b'],
      ...['tool/verify-models.exe', 'tool/', 'constructor', '__proto__', 'toString'],
    ])
      assert.equal(entryKind(name), undefined, JSON.stringify(name));
  });

  test('say a digest where they are one', () => {
    assert.equal(blobName(digest), `blobs/sha256/${hex}`);
    assert.equal(tableName(digest), `chunks/${hex}`);
    assert.equal(digestInName(blobName(digest)), digest);
    assert.equal(digestInName(tableName(digest)), digest);
    assert.equal(digestInName('oci-layout'), undefined);
    assert.equal(digestInName(`blobs/sha256/${hex.toUpperCase()}`), undefined);
  });

  test('only the tool can be run where it is unpacked', () => {
    assert.deepEqual([modeOf('tool/verify-models'), modeOf(blobName(digest))], [0o755, 0o644]);
    assert.deepEqual([isTool({ name: 'tool/verify-models' }), isTool({ name: 'oci-layout' })], [true, false]);
  });
});
