import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { blobName } from '../../src/archive/index.ts';
import { baseOfArchive, baseOfList } from '../../src/transfer/index.ts';
import { bytesOf } from '../fixtures/archive-bytes.ts';
import { ArchiveSite, addedFile } from '../fixtures/archive-site.ts';
import { digestOf } from '../fixtures/blob-directory.ts';
import { refusedWith } from '../fixtures/refused-with.ts';

describe('what an archive will be', () => {
  let site: ArchiveSite;
  before(() => {
    site = new ArchiveSite();
  });
  after(() => site[Symbol.dispose]());

  const names = ({ entries }: Awaited<ReturnType<ArchiveSite['plan']>>) => entries.map(({ name }) => name);
  const kinds = (plan: Awaited<ReturnType<ArchiveSite['plan']>>) =>
    names(plan).map((name) => name.replace(/[0-9a-f]{64}$/, 'HEX'));

  test('index, layout, list, tables, added files, manifests, blobs: in this order, to the last byte', async () => {
    const added = [
      addedFile(site, 'tool/verify-models', Buffer.from('tool')),
      addedFile(site, 'bom/b.json', Buffer.from('b')),
      addedFile(site, 'bom/a.json', Buffer.from('a')),
    ];
    const plan = await site.plan({ added });
    assert.deepEqual(kinds(plan), [
      ...['verify-models-index.json', 'oci-layout', 'index.json'],
      ...['allow-list.json', 'allow-list.json.sigstore.jsonl', 'chunks/HEX', 'chunks/HEX'],
      ...['bom/b.json', 'bom/a.json', 'tool/verify-models'],
      ...Array.from({ length: 6 }, () => 'blobs/sha256/HEX'),
    ]);
    const manifests = site.models.map(({ checked }) => blobName(checked.digest));
    assert.deepEqual(names(plan).slice(10, 12), manifests);
    assert.equal((await bytesOf(plan)).length, plan.total);
    assert.equal(plan.id, digestOf(plan.indexBytes));
    assert.deepEqual([...plan.models.values()], [90_057, 70_058]);
  });

  test('the same in every run, whatever the order of the words', async () => {
    const plan = await site.plan();
    const bytes = await bytesOf(plan);
    const turned = await site.plan({ models: [...site.models].reverse() });
    assert.equal(turned.id, plan.id);
    assert.ok((await bytesOf(turned)).equals(bytes));
    using again = new ArchiveSite();
    assert.ok((await bytesOf(await again.plan())).equals(bytes));
  });

  test('another model, list or base is another archive', async () => {
    const base = baseOfList(site.listDigest, site.list);
    const plans = [
      await site.plan(),
      await site.plan({ models: site.models.slice(1) }),
      await site.plan({ list: 'none' }),
      await site.plan({ base }),
      await site.plan({ added: [addedFile(site, 'bom/a.json', Buffer.from('a'))] }),
    ];
    assert.equal(new Set(plans.map(({ id }) => id)).size, plans.length);
  });

  test('what the other side has is left out, and manifests always travel', async () => {
    const first = await site.plan({ models: site.models.slice(0, 1) });
    const plan = await site.plan({ base: baseOfArchive(first.id, first.index) });
    assert.equal(plan.index.since, first.id);
    const has = [...(site.models[0]?.blobs.keys() ?? [])];
    assert.deepEqual(new Set(plan.index.leftOut.map(({ digest }) => digest)), new Set(has));
    assert.equal(kinds(plan).filter((name) => name === 'blobs/sha256/HEX').length, 3);
    assert.deepEqual(
      kinds(plan).filter((name) => name === 'chunks/HEX'),
      ['chunks/HEX'],
    );
    const chain = baseOfArchive(plan.id, plan.index);
    const third = await site.plan({ base: chain });
    assert.equal(third.index.leftOut.length, 4);
    const listed = await site.plan({ base: baseOfList(site.listDigest, site.list) });
    assert.equal(listed.index.leftOut.length, 4);
    assert.equal(listed.index.since, site.listDigest);
  });

  test('of the tables only those of blobs that travel, and none that is not what its name says', async () => {
    const one = await site.plan({ models: site.models.slice(1) });
    assert.equal(kinds(one).filter((name) => name === 'chunks/HEX').length, 1);
    const read = async (name: string) =>
      name.startsWith('chunks/') ? Buffer.alloc(32) : site.files.get(name);
    const none = await site.plan({ list: { ...site.travelling, read } });
    assert.equal(kinds(none).filter((name) => name.startsWith('chunks/')).length, 0);
  });

  test('by a policy its whole chain travels, as far as it is there', async () => {
    const there = new Set([
      'trust.json',
      'trust.json.sigstore.jsonl',
      'trust/1.json',
      'trust/1.json.sigstore.jsonl',
      'trust/2.json',
    ]);
    const read = async (name: string) => (there.has(name) ? Buffer.from(name) : site.files.get(name));
    const plan = await site.plan({ list: { ...site.travelling, read, trustVersion: 3 } });
    assert.deepEqual(
      names(plan).filter((name) => name.startsWith('trust')),
      [
        'trust.json',
        'trust.json.sigstore.jsonl',
        'trust/1.json',
        'trust/1.json.sigstore.jsonl',
        'trust/2.json',
      ],
    );
    const byKey = await site.plan({ list: { ...site.travelling, read } });
    assert.deepEqual(
      names(byKey).filter((name) => name.startsWith('trust')),
      [],
    );
  });

  test('a list that was changed while it was read is refused', async () => {
    const read = async () => Buffer.from('{}');
    await assert.rejects(
      site.plan({ list: { ...site.travelling, read } }),
      refusedWith('LIST_NOT_ACCEPTED', 'changed while it was read'),
    );
  });

  test('a blob that is not here, or of another size, is told with its model', async () => {
    const { read } = site.blobs;
    for (const size of [undefined, 5])
      await assert.rejects(
        site.plan({
          blobs: {
            find: async (digest) => (size === undefined ? undefined : { digest, size, since: new Date(0) }),
            read: read.bind(site.blobs),
          },
        }),
        refusedWith('MODEL_ABSENT', 'first:latest is not in this mirror'),
      );
  });
});
