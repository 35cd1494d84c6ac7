import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ArchiveParts } from '../../fixtures/archive-parts.ts';
import { addedFile } from '../../fixtures/archive-site.ts';
import { volumesOf } from '../../fixtures/archive-volumes.ts';
import { flipBit } from '../../fixtures/damage.ts';
import { GapSite } from '../../fixtures/gap-site.ts';

/** A place in a file of the archive: its content, or what fills it up. */
type Place = (archive: ArchiveParts) => number;

const inside =
  (name: string, within = 3): Place =>
  (archive) =>
    archive.part(name).start + 512 + within;
const header =
  (name: string, within = 3): Place =>
  (archive) =>
    archive.part(name).start + within;
const padding =
  (name: string): Place =>
  (archive) =>
    archive.part(name).start + 512 + archive.part(name).size;

const altered = (name: string) => new RegExp(`${name} in the archive is altered: expected sha256:`);
const refused = (where: string) => new RegExp(`the archive is refused at ${where}`);

/** One bit in each kind of file, and what is said of it. */
const places: readonly (readonly [string, Place, RegExp])[] = [
  ['the index', inside('verify-models-index.json', 20), refused('its index')],
  ['a name in the index', (a) => a.whole.indexOf('library/first:latest') + 8, refused('its index')],
  ['what the index says of the list', (a) => a.whole.indexOf('"listId":"models"') + 11, refused('its index')],
  ['what fills the index up', padding('verify-models-index.json'), refused('verify-models-index.json')],
  ['oci-layout', inside('oci-layout'), altered('oci-layout')],
  ['index.json', inside('index.json'), altered('index.json')],
  ['the list', inside('allow-list.json'), altered('allow-list.json')],
  ['the approvals', inside('allow-list.json.sigstore.jsonl'), altered('allow-list.json.sigstore.jsonl')],
  ['a chunk table', inside('chunks/'), altered('chunks/[0-9a-f]{64}')],
  ['a bill of materials', inside('bom/'), altered('bom/first.cdx.json')],
  ['the tool', inside('tool/'), altered('tool/verify-models')],
  ['what fills the tool up', padding('tool/'), refused('tool/verify-models')],
  ['a manifest', inside('blobs/'), altered('blobs/sha256/[0-9a-f]{64}')],
  ['a header', header('bom/', 130), refused('bom/first.cdx.json')],
  ['a checksum', header('allow-list.json', 150), refused('allow-list.json')],
  ['the end', (a) => a.whole.length - 1, refused('its end')],
];

describe('one bit that is another one', () => {
  let site: GapSite;
  let archive: ArchiveParts;
  const blobAt = (kind: 'weights' | 'config'): Place => {
    const of = kind === 'config' ? (size: number) => size < 30 : (size: number) => size > 10_000;
    return ({ parts }) =>
      (parts.find(({ name, size }) => name.startsWith('blobs/') && of(size))?.start ?? 0) + 520;
  };
  before(async () => {
    site = await GapSite.make();
    const added = [
      addedFile(site, 'bom/first.cdx.json', Buffer.from('{"bomFormat":"CycloneDX"}')),
      addedFile(site, 'tool/verify-models', Buffer.from('#!/bin/sh\necho tool\n')),
    ];
    archive = await ArchiveParts.of(await site.plan({ added }));
  });
  after(() => site[Symbol.dispose]());

  for (const [what, place, words] of [
    ...places,
    ['weights', blobAt('weights'), altered('blobs/sha256/[0-9a-f]{64}')],
    ['a config', blobAt('config'), altered('blobs/sha256/[0-9a-f]{64}')],
  ] as const)
    test(`in ${what}: a mirror and a store take nothing, then all of the good archive`, async () => {
      rmSync(join(site.folder, 'there'), { recursive: true, force: true });
      mkdirSync(site.there.store, { recursive: true });
      writeFileSync(site.archive, archive.whole);
      flipBit(site.archive, place(archive), 0);
      for (const run of [await site.import(site.archive), await site.install(site.archive)]) {
        assert.equal(run.status, 1, run.stderr + run.stdout);
        assert.match(run.stderr, words);
      }
      assert.deepEqual(await site.mirrorThere(), []);
      writeFileSync(site.archive, archive.whole);
      await GapSite.must(site.import(site.archive));
      await GapSite.must(site.install(site.archive));
      const received = join(site.there.data, 'received');
      const tools = readdirSync(received, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('/verify-models'),
      );
      assert.deepEqual(
        tools.map((name) => readFileSync(join(received, name), 'utf8')),
        ['#!/bin/sh\necho tool\n'],
      );
    });

  test('in a volume: which one is told, wherever the bit is', async () => {
    const volumes = await volumesOf(await site.plan(), 64 * 1024);
    const last = volumes.at(-1)?.length ?? 0;
    // Another digit is another archive; the first twelve, which people see, stay as they are.
    const id = (volumes[1]?.indexOf('sha256:') ?? 0) + 20;
    const digit = id + (volumes[1]?.subarray(id).findIndex((byte) => byte < 0x3a) ?? 0);
    for (const [number, at, words] of [
      [2, 3, /no archive of this tool|is damaged/],
      [2, 530, /volume \? of \? is damaged: the head of .*models\.002\.tar is altered/],
      [
        2,
        digit,
        /these are parts of 2 archives: sha256:[0-9a-f]{64} \(volumes 2 of 3\); sha256:[0-9a-f]{64} \(/,
      ],
      [2, 40_000, /volume 2 of 3 is damaged: its bytes are not those of its sums/],
      [1, 1700, /volume 1 of 3 is damaged: its bytes are not those of its sums/],
      [3, last - 1600, /volume 3 of 3 is damaged: its bytes are not those of its sums/],
    ] as const) {
      rmSync(join(site.folder, 'there'), { recursive: true, force: true });
      mkdirSync(site.there.store, { recursive: true });
      const paths = volumes.map((bytes, index) => {
        const path = join(site.medium, `parts.00${index + 1}.tar`);
        writeFileSync(path, bytes);
        return path;
      });
      const bad = join(site.medium, 'models.002.tar');
      writeFileSync(bad, volumes[number - 1] ?? '');
      flipBit(bad, at, 0);
      const others = paths.filter((_, index) => index + 1 !== number);
      // The third one alone: its sums are asked where others are missing.
      const given = number === 3 ? [bad] : [bad, ...others];
      for (const run of [await site.import(...given), await site.install(...given)]) {
        assert.ok([1, 64].includes(run.status), run.stderr + run.stdout);
        assert.match(run.stderr, words, `volume ${number} at ${at}`);
      }
      assert.deepEqual(await site.mirrorThere(), []);
      await GapSite.must(site.import(...paths));
    }
  });
});
