import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { shortDigest } from '../../../src/oci/index.ts';
import { baseOfArchive } from '../../../src/transfer/index.ts';
import { bytesOf } from '../../fixtures/archive-bytes.ts';
import { ArchiveParts } from '../../fixtures/archive-parts.ts';
import { ArchiveSite, carriedModel, type SiteOptions, twoModels } from '../../fixtures/archive-site.ts';
import { GapSite } from '../../fixtures/gap-site.ts';
import type { MainRun } from '../../fixtures/run-main.ts';
import { TestSigner } from '../../fixtures/signed-list.ts';

const second = twoModels().slice(1);

describe('an archive that this side judges', () => {
  let site: GapSite;
  beforeEach(async () => {
    site = await GapSite.make({ version: 2 });
    writeFileSync(site.archive, await bytesOf(await site.plan()));
  });
  afterEach(() => site[Symbol.dispose]());

  /** An archive of another sender, or of another day. */
  async function bring(options: SiteOptions, signer = site.signer): Promise<void> {
    using other = new ArchiveSite(options, signer);
    writeFileSync(site.archive, await bytesOf(await other.plan()));
  }

  /** Both ways in are refused with this status and these words, and everything stays as it was. */
  async function refused(status: number, words: RegExp, ...more: string[]): Promise<void> {
    const before = await site.mirrorThere();
    for (const run of [await site.import(site.archive, ...more), await site.install(site.archive, ...more)]) {
      assert.equal(run.status, status, run.stderr + run.stdout);
      assert.match(run.stderr, words);
    }
    assert.deepEqual(await site.mirrorThere(), before);
  }

  const accepted = async () => {
    await GapSite.must(site.import(site.archive));
    await GapSite.must(site.install(site.archive));
  };

  test('an older list than the one that was taken is not taken', async () => {
    await accepted();
    await bring({ version: 1, models: second });
    await refused(
      2,
      /the allow-list is not accepted: the allow-list has version 1, and 2 was accepted before/,
    );
    rmSync(site.there.list);
    await refused(2, /the allow-list has version 1, and 2 was accepted before/);
  });

  test('the same list, approved once more here: the approval that reaches further stays', async () => {
    using renewed = new ArchiveSite(
      { version: 2, dates: { issued: '2026-08-31T12:00:00Z', expires: '2027-08-01T00:00:00Z' } },
      site.signer,
    );
    assert.equal(renewed.listDigest, site.listDigest);
    const approvals = `${site.there.list}.sigstore.jsonl`;
    site.putList(site.there.list);
    writeFileSync(approvals, renewed.file('allow-list.json.sigstore.jsonl'));
    await accepted();
    assert.ok(readFileSync(approvals).equals(renewed.file('allow-list.json.sigstore.jsonl')));
    // Nor does it matter that those which came along have expired.
    await bring({ version: 2, dates: { issued: '2026-01-01T00:00:00Z', expires: '2026-08-01T00:00:00Z' } });
    await accepted();
    assert.ok(readFileSync(approvals).equals(renewed.file('allow-list.json.sigstore.jsonl')));
    site.putList(site.there.list);
    writeFileSync(site.archive, await bytesOf(await renewed.plan()));
    const { stdout } = await GapSite.must(site.import(site.archive));
    assert.match(stdout, /list {6}models version 2 taken, .* until 2027-08-01/);
    assert.ok(readFileSync(approvals).equals(renewed.file('allow-list.json.sigstore.jsonl')));
  });

  test('a list of another signer', async () => {
    await bring({}, new TestSigner('mallory'));
    await refused(2, /the allow-list is not accepted: /);
  });

  test('a list with another name', async () => {
    await accepted();
    await bring({ listId: 'others', version: 9 });
    await refused(2, /the allow-list is for the list others, and this host accepted models from .* before/);
  });

  test('a list whose approval has expired', async () => {
    await bring({ dates: { issued: '2026-01-01T00:00:00Z', expires: '2026-08-01T00:00:00Z' } });
    await refused(2, /the allow-list is not accepted: .*expired/);
  });

  test('a list that is no list, approved all the same', async () => {
    const parts = await ArchiveParts.of(await site.plan());
    const text = parts.whole.indexOf('"version": 2', parts.part('allow-list.json').start);
    assert.ok(text > 0);
    const bytes = Buffer.from(parts.whole);
    bytes.write('"versiom": 2', text);
    writeFileSync(site.archive, bytes);
    await refused(1, /allow-list\.json in the archive is altered/);
  });

  test('without a list here and without --policy observe nothing is even opened', async () => {
    const run = await site.mirror(['import', '--data', site.there.data, site.archive]);
    assert.equal(run.status, 64);
    assert.match(
      run.stderr,
      /^model-mirror: import needs the allow-list of this side: .* or --policy observe/,
    );
    assert.match(run.stderr, /^next: model-mirror --help$/m);
    assert.equal(existsSync(site.there.data), false);
    const installed = await site.mirror([
      'import',
      '--data',
      site.there.data,
      '--policy',
      'enforce',
      site.archive,
    ]);
    assert.equal(installed.status, 64);
  });

  test('an archive without a list: the list that is here decides, and without one nothing comes in', async () => {
    writeFileSync(site.archive, await bytesOf(await site.plan({ list: 'none' })));
    await refused(2, /the allow-list is not accepted: /);
    site.putList(site.there.list);
    await accepted();
  });

  test('a model that is not listed here, and one that is another one here', async () => {
    using own = new ArchiveSite({ version: 7, models: second.map(changed) }, site.signer);
    for (const [name, bytes] of own.files)
      if (!name.includes('/')) writeFileSync(join(site.folder, 'there', name), bytes);
    writeFileSync(site.archive, await bytesOf(await site.plan({ list: 'none' })));
    const said = (run: MainRun) => {
      assert.equal(run.status, 2, run.stderr);
      assert.match(
        run.stdout,
        /refused {3}first:latest {3}first:latest is not on the allow-list models version 7/,
      );
      assert.match(
        run.stdout,
        /refused {3}second:1b {3}second:1b is another one here: the allow-list approves \w{12}, and the archive has \w{12}/,
      );
    };
    said(await site.import(site.archive));
    said(await site.install(site.archive));
    assert.equal(existsSync(join(site.there.store, 'manifests')), false);
  });

  test('observing, a model under a name that is taken is refused, and the tag stays where it was', async () => {
    const none = await site.plan({ list: 'none' });
    writeFileSync(site.archive, await bytesOf(none));
    await GapSite.must(site.import(site.archive, '--policy', 'observe'));
    using other = new ArchiveSite({ models: second.map(changed) });
    writeFileSync(site.archive, await bytesOf(await other.plan({ list: 'none' })));
    const run = await site.import(site.archive, '--policy', 'observe');
    assert.equal(run.status, 2);
    assert.match(
      run.stdout,
      /second:1b is here as \w{12}, and the archive has \w{12}: without an allow-list nothing says which is right/,
    );
  });

  test('a sender who was not asked for, and a signature that is not there', async () => {
    await GapSite.must(site.export('-o', join(site.medium, 'signed.tar')));
    const archive = join(site.medium, 'signed.tar');
    const pub = join(site.data, 'state', 'custody.pub');
    assert.ok(existsSync(pub));
    for (const run of [
      site.import(archive, '--sender', site.key),
      site.install(archive, '--sender', site.key),
    ]) {
      const { status, stderr } = await run;
      assert.equal(status, 2);
      assert.match(stderr, /the index of the archive is not accepted: no known sender signed it/);
    }
    await refused(2, /not accepted: there is no signature beside it/, '--sender', pub);
    assert.match(
      (await GapSite.must(site.import(archive, '--sender', pub))).stdout,
      /signed by custody\.pub/,
    );
    writeFileSync(
      join(site.medium, 'models.sigstore.jsonl'),
      readFileSync(join(site.medium, 'signed.sigstore.jsonl')),
    );
    writeFileSync(site.archive, await bytesOf(await site.plan({ models: site.models.slice(0, 1) })));
    await refused(2, /not accepted: custody\.pub signed another index/, '--sender', pub);
  });

  test('a transfer record that is of another archive, or broken: before anything is taken', async () => {
    await GapSite.must(site.export('-o', join(site.medium, 'other.tar'), 'first'));
    const record = readFileSync(join(site.medium, 'other.transfer.jsonl'));
    writeFileSync(join(site.medium, 'models.transfer.jsonl'), record);
    await refused(1, /the transfer record is broken at entry 1: it speaks of the archive sha256:/);
    writeFileSync(join(site.medium, 'models.transfer.jsonl'), record.subarray(10));
    await refused(1, /the transfer record is broken at entry 1/);
    rmSync(join(site.medium, 'models.transfer.jsonl'));
    await accepted();
  });

  test('what changed, without that which it follows', async () => {
    const first = await site.plan({ models: site.models.slice(0, 1) });
    const base = baseOfArchive(first.id, first.index);
    writeFileSync(site.archive, await bytesOf(await site.plan({ base })));
    await refused(
      4,
      /the archive holds what changed, and 3 blobs that it leaves out are not here, such as \w{12}/,
    );
    const before = join(site.medium, 'before.tar');
    writeFileSync(before, await bytesOf(first));
    await GapSite.must(site.import(before));
    const run = await GapSite.must(site.import(site.archive));
    assert.match(run.stdout, /1 imported, 1 here already, 0 refused; 1 blob taken, 70\.0 kB, 3 were here/);
  });
});

describe('a directory of archives that follow one another', () => {
  test('is taken in their order, whatever their names are; the log has each list once', async () => {
    using site = await GapSite.make({ version: 2 });
    const first = await site.plan({ models: site.models.slice(0, 1) });
    const second = await site.plan({ base: baseOfArchive(first.id, first.index) });
    const third = await site.plan({ base: baseOfArchive(second.id, second.index) });
    for (const [name, plan] of [
      ['a', third],
      ['b', second],
      ['c', first],
    ] as const)
      writeFileSync(join(site.medium, `${name}.tar`), await bytesOf(plan));
    writeFileSync(join(site.medium, '0.tar'), (await bytesOf(third)).subarray(0, 700));
    const cut = await site.import(site.medium);
    assert.match(
      cut.stderr,
      /0\.tar: archive 1 of 4 ends this run; nothing was taken\n.*the archive ends in /,
    );
    rmSync(join(site.medium, '0.tar'));
    for (const run of [await site.import(site.medium), await site.install(site.medium)]) {
      const taken = [...run.stdout.matchAll(/^archive {3}(\w{12}) /gm)].map(([, id]) => id);
      assert.deepEqual(
        [run.status, taken],
        [0, [first, second, third].map(({ id }) => shortDigest(id))],
        run.stderr,
      );
    }
    const noted = (await site.mirrorThere()).filter((line) => line.startsWith('audit'));
    assert.deepEqual(
      noted.map((line) => /"kind":"([a-z-]+)"/.exec(line)?.[1]).filter((kind) => kind !== 'admitted'),
      ['list-accepted', 'imported', 'imported', 'imported'],
    );
  });
});

/** A model of the same name with other weights. */
const changed = ({ full }: { readonly full: string }) =>
  carriedModel(full, { model: Buffer.from('other weights') });
