import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseOfArchive, baseOfList } from '../../src/transfer/index.ts';
import { ArchiveSite } from '../fixtures/archive-site.ts';
import { digestOf } from '../fixtures/blob-directory.ts';

test('what the other side has: blobs of an archive, what that one left out, and blobs of a list', async () => {
  using site = new ArchiveSite();
  const unknown = digestOf(Buffer.from('unknown'));
  const all = site.models.flatMap(({ blobs }) => [...blobs.keys()]);
  const [first, second] = site.models;
  assert.ok(first && second);
  const one = await site.plan({ models: [first] });
  const base = baseOfArchive(one.id, one.index);
  assert.equal(base.digest, one.id);
  assert.ok([...first.blobs.keys(), first.checked.digest].every((blob) => base.has(blob)));
  // Lists and tables are no blobs: they travel each time.
  assert.equal(base.has(site.listDigest), false);
  const rest = await site.plan({ base });
  const both = baseOfArchive(rest.id, rest.index);
  assert.ok(all.every((blob) => both.has(blob)));
  const listed = baseOfList(site.listDigest, site.list);
  assert.ok(all.every((blob) => listed.has(blob)));
  for (const some of [base, both, listed]) assert.equal(some.has(unknown), false);
});
