import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { chunkTableDigest, parseChunkTable } from '../../src/hash/index.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';

test('a chunk table is named by the SHA-256 of its bytes', () => {
  const raw = patternedBytes(64);
  const name = `sha256:${createHash('sha256').update(raw).digest('hex')}`;
  assert.equal(chunkTableDigest(parseChunkTable(raw, 2 ** 21, 2 ** 20)), name);
});

test('the table of an empty blob is named by the digest of nothing', () => {
  const nothing = `sha256:${createHash('sha256').digest('hex')}`;
  assert.equal(chunkTableDigest(parseChunkTable(new Uint8Array(), 0)), nothing);
});
