import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { appendEntry, readRecord } from '../../../src/custody/index.ts';
import { emptyDigest } from '../../../src/oci/index.ts';
import { custodyKey } from '../../fixtures/custody-keys.ts';
import { GapSite } from '../../fixtures/gap-site.ts';

describe('the papers of an archive', () => {
  const actions = (path: string) => readRecord(readFileSync(path)).entries.map(({ action }) => action);

  for (const way of ['import', 'install'] as const)
    test(`${way} goes on from what came and what was signed here before, and loses neither`, async () => {
      using site = await GapSite.make();
      const folder = join(way === 'import' ? site.there.data : site.there.state, 'transfers');
      const records = () => readdirSync(folder).filter((name) => name.endsWith('.transfer.jsonl'));
      const done = `${way}ed`;
      await GapSite.must(site.export('-o', site.archive));
      await GapSite.must(site[way](site.archive));
      const again = await GapSite.must(site[way](site.archive));
      assert.doesNotMatch(again.stdout, /what was signed here before/);
      const [first = ''] = records();
      const signed = readFileSync(join(folder, first));
      assert.deepEqual(actions(join(folder, first)), ['exported', done, done]);
      // Sent once more: the record on the medium knows nothing of what was signed here.
      await GapSite.must(site.export('-o', site.archive));
      const { stdout } = await GapSite.must(site[way](site.archive));
      const [, kept = ''] = /^ {2}kept {4}(\S+) {3}what was signed here before/m.exec(stdout) ?? [];
      assert.ok(readFileSync(kept).equals(signed));
      assert.deepEqual(actions(join(folder, first)), ['exported', 'exported', done]);
      assert.equal(records().length, 2);
    });

  test('a record that tells of other models than the archive has, well signed, is shown and continued by nobody', async () => {
    using site = await GapSite.make();
    await GapSite.must(site.export('-o', site.archive));
    const path = join(site.medium, 'models.transfer.jsonl');
    const { archive, entries } = readRecord(readFileSync(path));
    const { signer: _, entry: _number, previous: _before, ...facts } = entries[0] ?? assert.fail();
    const lie = appendEntry(Buffer.alloc(0), archive, { ...facts, models: 7 }, custodyKey());
    writeFileSync(path, lie);
    const before = site.filesThere();
    const words = /the transfer record is broken at entry 1: it tells of 7 models, and the archive has 2/;
    for (const run of [
      await site.import(site.archive),
      await site.install(site.archive),
      await site.export('-o', site.archive),
    ]) {
      assert.equal(run.status, 1);
      assert.match(run.stderr, words);
    }
    const look = await site.mirror(['inspect', site.archive, '--data', site.there.data]);
    assert.equal(look.status, 1);
    assert.match(look.stdout, words);
    assert.deepEqual(site.filesThere(), before);
  });

  test('the record of another archive is not shown beside this one', async () => {
    using site = await GapSite.make();
    await GapSite.must(site.export('-o', site.archive));
    const path = join(site.medium, 'models.transfer.jsonl');
    const { entries } = readRecord(readFileSync(path));
    const { signer: _, entry: _number, previous: _before, ...facts } = entries[0] ?? assert.fail();
    writeFileSync(path, appendEntry(Buffer.alloc(0), emptyDigest, facts, custodyKey()));
    const look = await site.mirror(['inspect', site.archive, '--data', site.there.data]);
    assert.equal(look.status, 1);
    assert.match(look.stdout, /broken at entry 1: it speaks of the archive sha256:e3b0c442/);
  });

  test('where no record can be kept nothing is taken', async () => {
    using site = await GapSite.make();
    await GapSite.must(site.export('-o', site.archive));
    mkdirSync(site.there.state, { mode: 0o700 });
    writeFileSync(join(site.there.state, 'transfers'), 'no directory');
    const { status, stderr } = await site.install(site.archive);
    assert.equal(status, 4);
    assert.match(stderr, /cannot write \S+transfers: .*\(FILE_UNWRITABLE\)/);
    assert.deepEqual(readdirSync(site.there.store), []);
    assert.ok(!existsSync(`${site.there.store}.verify-models`));
  });
});
