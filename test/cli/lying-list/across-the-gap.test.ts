import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type ListedModel, writeAllowList } from '../../../src/allow-list/index.ts';
import { bytesOf } from '../../fixtures/archive-bytes.ts';
import { ArchiveSite, type SiteOptions, twoModels } from '../../fixtures/archive-site.ts';
import { digestOf } from '../../fixtures/blob-directory.ts';
import { GapSite } from '../../fixtures/gap-site.ts';

const [first, second] = twoModels();
const harmless = digestOf(Buffer.from('a licence that a reviewer knows'));

/** Lists another licence of the first model than its manifest names, and nothing else. */
const told = (model: ListedModel): ListedModel =>
  model.manifest.digest !== first?.checked.digest
    ? model
    : {
        ...model,
        layers: model.layers.map((layer) => (layer.chunks ? layer : { ...layer, digest: harmless })),
      };

const found = digestOf(Buffer.from('Sample licence: do what you like.\n'));
const clause = `it lists the license ${harmless.slice(7, 19)}, and the manifest names the license ${found.slice(7, 19)} there`;

describe('a list that contradicts a manifest which it pins, approved by the right key,', () => {
  let site: GapSite;
  beforeEach(async () => {
    site = await GapSite.make({ told });
  });
  afterEach(() => site[Symbol.dispose]());

  /** An archive that no export writes. */
  async function bring(options: SiteOptions = { told }, models = site.models): Promise<void> {
    using other = new ArchiveSite(options, site.signer);
    writeFileSync(site.archive, await bytesOf(await other.plan({ models })));
  }

  test('is not exported: not with its models, not with another one, not as what the other side has', async () => {
    for (const words of [[], ['second:1b']]) {
      const { status, stderr } = await site.export('-o', site.archive, ...words);
      assert.equal(status, 2);
      assert.ok(
        stderr.includes('the allow-list contradicts the manifest that it pins for first:latest: '),
        stderr,
      );
      assert.ok(stderr.includes(clause), stderr);
    }
    assert.equal(existsSync(site.archive), false);
    const base = join(site.folder, 'base', 'allow-list.json');
    const manifests = join(site.folder, 'base', 'manifests');
    mkdirSync(manifests, { recursive: true });
    writeFileSync(base, writeAllowList(site.list));
    const bytes = first?.checked.bytes ?? '';
    writeFileSync(join(manifests, first?.checked.digest.slice(7) ?? ''), bytes);
    const { status, stderr } = await site.export('--all', '-o', site.archive, '--since', base);
    assert.deepEqual([status, existsSync(site.archive)], [2, false]);
    assert.match(stderr, /\(LIST_CONTRADICTS\)\n/);
  });

  test('is taken by no import and by no install, and nothing that was here is another one', async () => {
    await bring();
    const before = await site.mirrorThere();
    for (const run of [await site.import(site.archive), await site.install(site.archive)]) {
      assert.equal(run.status, 2);
      const reason = `it contradicts the manifest that it pins for first:latest: ${clause}`;
      assert.ok(
        run.stderr.includes(`: the allow-list is not accepted: ${reason} (LIST_NOT_ACCEPTED)\n`),
        run.stderr,
      );
    }
    assert.deepEqual(await site.mirrorThere(), before);
    assert.equal((await site.install(site.archive, '--dry-run')).status, 2);
  });

  test('that lies here lets no model of an archive without a list in', async () => {
    site.putList(site.there.list);
    using other = new ArchiveSite({}, site.signer);
    for (const models of [other.models, other.models.slice(0, 1)]) {
      writeFileSync(site.archive, await bytesOf(await other.plan({ list: 'none', models })));
      for (const run of [await site.import(site.archive), await site.install(site.archive)]) {
        assert.equal(run.status, 2);
        assert.ok(run.stderr.includes(clause), run.stderr);
      }
    }
  });

  test('lets none in either where the manifest came to this mirror before, and the archive does not bring it', async () => {
    using honest = new ArchiveSite({}, site.signer);
    writeFileSync(site.archive, await bytesOf(await honest.plan()));
    await GapSite.must(site.import(site.archive));
    rmSync(join(site.there.list, '..', 'manifests'), { recursive: true, force: true });
    await bring({ told, version: 2 }, second === undefined ? [] : [second]);
    const { status, stderr } = await site.import(site.archive);
    assert.equal(status, 2);
    assert.ok(stderr.includes(clause), stderr);
  });

  test('is called bad by inspect, with a key and without one', async () => {
    await bring();
    const plain = await site.mirror(['inspect', site.archive, '--data', site.there.data]);
    assert.equal(plain.status, 2);
    assert.ok(
      plain.stdout.includes(
        `\n          the list: it contradicts the manifest that it pins for first:latest: ${clause}\n`,
      ),
      plain.stdout,
    );
    const by = ['--allow-list', site.there.list, '--key', site.key];
    const judged = await site.mirror(['inspect', site.archive, '--data', site.there.data, ...by]);
    assert.equal(judged.status, 2);
    assert.match(judged.stdout, /\n {10}not accepted here: the allow-list is not accepted: it contradicts /);
  });
});

test('an honest list across the same gap is taken, with the manifests of its models', async () => {
  using site = await GapSite.make();
  await GapSite.must(site.export('-o', site.archive));
  await GapSite.must(site.import(site.archive));
  await GapSite.must(site.install(site.archive));
  for (const { checked } of site.models)
    assert.ok(existsSync(join(site.there.list, '..', 'manifests', checked.digest.slice(7))));
});
