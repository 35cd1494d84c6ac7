import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  archivePredicateType,
  readStatement,
  transferPredicateType,
  writeStatement,
} from '../../src/custody/statement.ts';
import { digestOf } from '../fixtures/blob-directory.ts';

const archive = digestOf(Buffer.from('an index'));
const bytes = writeStatement(archive, archivePredicateType, { size: 8 });
const value = JSON.parse(bytes.toString()) as { subject: object[]; predicate: object };

test('a statement speaks of one index, and is the same bytes each time', () => {
  assert.deepEqual(readStatement(value, archivePredicateType), { archive, predicate: { size: 8 } });
  assert.deepEqual(writeStatement(archive, archivePredicateType, { size: 8 }), bytes);
});

test('anything else is none', () => {
  const [subject] = value.subject;
  for (const other of [
    ...[undefined, null, 7, 'x', [], {}],
    { ...value, _type: 'https://in-toto.io/Statement/v0.1' },
    { ...value, more: 1 },
    { ...value, subject: [] },
    { ...value, subject: [subject, subject] },
    { ...value, subject: {} },
    { ...value, subject: [null] },
    { ...value, subject: [{ ...subject, name: 'allow-list.json' }] },
    { ...value, subject: [{ ...subject, digest: { sha256: 'x' } }] },
    { ...value, subject: [{ ...subject, digest: { sha512: archive.slice(7) } }] },
  ])
    assert.equal(readStatement(other, archivePredicateType), undefined, JSON.stringify(other));
  assert.equal(readStatement(value, transferPredicateType), undefined);
});
