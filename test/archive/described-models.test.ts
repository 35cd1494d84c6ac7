import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ArchiveReader, layoutFiles, sha256 } from '../../src/archive/index.ts';
import { parseDigest, parseModelName } from '../../src/oci/index.ts';
import { MemorySource } from '../fixtures/archive-bytes.ts';
import { ArchiveParts, type IndexJson } from '../fixtures/archive-parts.ts';
import { ArchiveSite } from '../fixtures/archive-site.ts';
import { rawEntry } from '../fixtures/raw-tar.ts';
import { refusedWith } from '../fixtures/refused-with.ts';

const oci = 'application/vnd.oci.image.manifest.v1+json';

describe('an archive whose index says otherwise of a model than its manifest', () => {
  let site: ArchiveSite;
  let parts: ArchiveParts;
  beforeEach(async () => {
    site = new ArchiveSite();
    parts = await ArchiveParts.of(await site.plan());
  });
  afterEach(() => site[Symbol.dispose]());

  const small = async (bytes: Buffer) => (await ArchiveReader.open(new MemorySource(bytes))).smallFiles();
  /** That it is refused with this, before anything of a layer was read. */
  const refused = (bytes: Buffer, problem: string) =>
    assert.rejects(small(bytes), refusedWith('ARCHIVE_MALFORMED', problem));
  const last = () => {
    const part = parts.parts.at(-1);
    if (part === undefined) throw new Error('there is no blob');
    return part;
  };
  /** The archive without its last blob, which the index speaks of otherwise. */
  const withoutLast = (change: (index: IndexJson) => object) => {
    const changed = parts.withIndex((index) => change({ ...index, entries: index.entries.slice(0, -1) }));
    return Buffer.concat([
      changed.subarray(0, changed.length - 1024 - last().bytes.length),
      Buffer.alloc(1024),
    ]);
  };

  test('is read where it says the same', async () => {
    assert.ok((await small(parts.whole)).size > 0);
  });

  test('is refused for a media type of which other tools would read something else', async () => {
    let layout: Buffer = Buffer.alloc(0);
    const index = (said: IndexJson) => {
      const models = said.models.map((model, at) => (at === 0 ? { ...model, mediaType: oci } : model));
      const sizeOf = (digest: string) =>
        said.entries.find(({ name }) => name.endsWith(digest.slice(7)))?.size ?? 0;
      const files = layoutFiles(
        models.map(({ name, mediaType, digest }) => ({
          ...{ name: parseModelName(name), mediaType, digest: parseDigest(digest), size: sizeOf(digest) },
        })),
      );
      layout = files.find(({ name }) => name === 'index.json')?.bytes ?? layout;
      const entry = { name: 'index.json', size: layout.length, digest: sha256(layout) };
      return {
        ...said,
        models,
        entries: said.entries.map((one) => (one.name === 'index.json' ? entry : one)),
      };
    };
    const changed = parts.withIndex(index);
    const old = parts.part('index.json').bytes;
    const at = changed.indexOf(old);
    const bytes = Buffer.concat([
      changed.subarray(0, at),
      rawEntry({ name: 'index.json' }, layout),
      changed.subarray(at + old.length),
    ]);
    await refused(
      bytes,
      'registry.ollama.ai/library/first:latest has another media type than its manifest says',
    );
  });

  test('is refused for a blob that it neither has nor leaves out', async () => {
    const digest = `sha256:${last().name.slice(-64)}`;
    await refused(
      withoutLast((index) => index),
      `it has not all that registry.ollama.ai/library/second:1b names: ${digest}`,
    );
  });

  test('is refused for the size of a blob that it leaves out', async () => {
    const digest = `sha256:${last().name.slice(-64)}`;
    const bytes = (size: number) => withoutLast((index) => ({ ...index, leftOut: [{ digest, size }] }));
    assert.ok((await small(bytes(last().size))).size > 0);
    await refused(bytes(last().size + 1), `${digest} has another size there`);
  });

  test('is refused for the size of a blob that it has', async () => {
    const bytes = parts.withIndex((index) => ({
      ...index,
      entries: index.entries.map((entry) =>
        entry.name === last().name ? { ...entry, size: entry.size - 1 } : entry,
      ),
    }));
    await refused(bytes, `sha256:${last().name.slice(-64)} has another size there`);
  });
});
