import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { archiveCorpus } from '../../fixtures/archive-corpus.ts';
import { ArchiveParts } from '../../fixtures/archive-parts.ts';
import { GapSite } from '../../fixtures/gap-site.ts';
import { rawEntry } from '../../fixtures/raw-tar.ts';

describe('what is no archive', () => {
  let site: GapSite;
  let archive: ArchiveParts;
  let mirror: string[];
  before(async () => {
    site = await GapSite.make();
    archive = await ArchiveParts.of(await site.plan());
    writeFileSync(site.archive, archive.whole);
    await GapSite.must(site.import(site.archive));
    await GapSite.must(site.install(site.archive));
    // Whatever comes in now would be seen.
    rmSync(join(site.there.store, 'manifests', 'registry.ollama.ai', 'library', 'first'), {
      recursive: true,
    });
    mirror = await site.mirrorThere();
  });
  after(() => site[Symbol.dispose]());

  for (const { what, spoil, status, words } of archiveCorpus)
    test(`${what} is refused, by a mirror and by a store`, async () => {
      writeFileSync(site.archive, spoil(archive));
      for (const run of [await site.import(site.archive), await site.install(site.archive)]) {
        assert.equal(run.status, status, run.stderr + run.stdout);
        assert.match(run.stderr, words);
        assert.equal(run.stdout, '');
      }
      assert.deepEqual(await site.mirrorThere(), mirror);
    });

  test('a directory without archives, and nothing at all', async () => {
    const empty = join(site.medium, 'empty');
    mkdirSync(empty);
    writeFileSync(join(empty, 'readme.txt'), 'hello');
    writeFileSync(join(empty, 'other.tar'), rawEntry({ name: 'hello' }));
    for (const [path, words, status] of [
      [empty, /is no archive of this tool: there is no archive in it/, 64],
      [join(empty, 'nothing.tar'), /cannot read the archive .*: there is no such file/, 4],
      ['/dev/null', /it is not a regular file; a pipe is named - and read from standard input/, 4],
    ] as const)
      for (const run of [await site.import(path), await site.install(path)]) {
        assert.equal(run.status, status, run.stderr);
        assert.match(run.stderr, words);
      }
    assert.deepEqual(await site.mirrorThere(), mirror);
  });
});
