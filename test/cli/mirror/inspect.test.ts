import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parsePublicKey } from '../../../src/trust/index.ts';
import { carriedModel } from '../../fixtures/archive-site.ts';
import { flipBit } from '../../fixtures/damage.ts';
import { GapSite } from '../../fixtures/gap-site.ts';
import { TestSigner } from '../../fixtures/signed-list.ts';
import { treeState } from '../../fixtures/tree-state.ts';

const weights = Buffer.from('weights that stay');
const model = (template: string) =>
  carriedModel('registry.ollama.ai/library/first:latest', {
    model: weights,
    template: Buffer.from(template),
  });

describe('model-mirror inspect', () => {
  const look = (site: GapSite, ...words: string[]) => {
    const here = ['--data', site.there.data, '--allow-list', site.there.list, '--key', site.key];
    return site.mirror(['inspect', ...words, ...here]);
  };

  test('says what is in an archive, who approved and sent it, and what is new here; and makes nothing', async () => {
    using site = await GapSite.make();
    await GapSite.must(site.export('-o', site.archive, '--custodian', 'Carol', '--media-id', 'USB-17'));
    const before = site.filesThere();
    const { stdout } = await GapSite.must(look(site, site.archive));
    assert.match(stdout, /^archive {3}[0-9a-f]{12} {3}.*models\.tar {3}\d+ files, \d/m);
    assert.match(
      stdout,
      /^sender {4}says that the key [0-9a-f]{12} signed it; unproven: --sender PUB asks for that$/m,
    );
    assert.match(stdout, /^record {4}1\. exported \S+ {3}Carol, USB-17 {3}key [0-9a-f]{12}$/m);
    assert.match(
      stdout,
      /^list {6}models version 1, sha256:[0-9a-f]{64}\n {10}models version 1 is accepted here\napproved {2}by \S+signer\.pub, until 2027-02-01$/m,
    );
    assert.match(stdout, /^model {5}first:latest {3}[0-9a-f]{12} {3}90\.1 kB$/m);
    assert.match(stdout, /^new {7}registry\.ollama\.ai\/library\/second:1b$/m);
    assert.deepEqual(site.filesThere(), before);
    assert.ok(!existsSync(site.there.data));
  });

  test('says of whom approvals say that they are, where no key is here to ask them with', async () => {
    using site = await GapSite.make();
    await GapSite.must(site.export('-o', site.archive));
    const id = parsePublicKey(site.signer.pem).id.slice(0, 12);
    const claims = new RegExp(`^approved {2}by the key ${id}, as its approvals say: --allow-list FILE`, 'm');
    const { stdout } = await GapSite.must(site.mirror(['inspect', site.archive, '--data', site.there.data]));
    assert.match(stdout, claims);
    const stranger = join(site.folder, 'stranger.pub');
    writeFileSync(stranger, new TestSigner('mallory').pem);
    const words = ['inspect', site.archive, '--data', site.there.data, '--allow-list', site.there.list];
    assert.match((await site.mirror([...words, '--key', stranger])).stdout, claims);
  });

  test('where a mirror is, nothing of it is remembered, made or changed', async () => {
    using site = await GapSite.make();
    await GapSite.must(site.export('-o', site.archive));
    await GapSite.must(site.import(site.archive));
    // SQLite opens and closes its own files in the directory of the data.
    const state = () =>
      treeState(join(site.folder, 'there')).filter((line) => !/catalog\.sqlite|\/data [0-9]/.test(line));
    const before = state();
    const { stdout } = await GapSite.must(look(site, site.archive, '--whole'));
    assert.match(stdout, /^here {6}2 of its models, as they are$/m);
    assert.deepEqual(state(), before);
  });

  test('reads no pipe, and says so', async () => {
    using site = await GapSite.make();
    const { status, stderr } = await look(site, '-');
    assert.equal(status, 64);
    assert.match(stderr, /inspect reads files and directories, and no pipe/);
  });

  test('shows an update as diff does: the text of a template, line by line', async () => {
    using old = await GapSite.make({ models: [model('be kind\n')] });
    using fresh = await GapSite.make({ models: [model('be rude\n')], version: 2 }, old.signer);
    await GapSite.must(old.export('-o', old.archive));
    await GapSite.must(old.import(old.archive));
    await GapSite.must(fresh.export('-o', fresh.archive));
    const { stdout } = await GapSite.must(look(old, fresh.archive));
    assert.match(stdout, /^list models version 1 -> version 2$/m);
    assert.match(stdout, /^ {2}template {2}[0-9a-f]{12} \(8 B\) -> [0-9a-f]{12} \(8 B\)$/m);
    assert.match(stdout, /^\s*-.*be kind$/m);
    assert.match(stdout, /^\s*\+.*be rude$/m);
    assert.match(stdout, /^changed {3}registry\.ollama\.ai\/library\/first:latest$/m);
  });

  test('says that a list is not accepted here, and why, and which models an import would refuse', async () => {
    using site = await GapSite.make();
    using other = await GapSite.make({}, new TestSigner('mallory'));
    await GapSite.must(other.export('-o', other.archive));
    const { status, stdout } = await look(site, other.archive);
    assert.equal(status, 2);
    assert.match(stdout, /^ {10}not accepted here: the allow-list is not accepted: /m);
    assert.equal(stdout.match(/^refused /gm)?.length, 2);
    assert.match(stdout, /^exit status 2 = 2 not trusted$/m);
    assert.equal((await look(site, other.archive, '--json')).status, 2);
  });

  test('--whole reads every byte of an archive, and of a volume alone', async () => {
    using site = await GapSite.make();
    await GapSite.must(site.export('-o', site.archive));
    await GapSite.must(site.export('-o', `${site.medium}/parts.tar`, '--split', '64KiB'));
    assert.match(
      (await GapSite.must(look(site, site.archive, '--whole'))).stdout,
      /^bytes {5}every file is what/m,
    );
    const volume = `${site.medium}/parts.002.tar`;
    const { stdout } = await GapSite.must(look(site, volume, '--whole'));
    assert.match(stdout, /^volumes {3}2 of 3, each as its sums say\nmissing {3}1,3$/m);
    flipBit(volume, 30_000, 0);
    const bad = await look(site, volume, '--whole');
    assert.equal(bad.status, 1);
    assert.match(bad.stderr, /volume 2 of 3 is damaged: .*\(VOLUME_DAMAGED\)/);
    flipBit(site.archive, 40_000, 0);
    assert.match((await look(site, site.archive, '--whole')).stderr, /ARCHIVE_ALTERED/);
  });

  test('tells a record that was changed as what it is, and asks for a sender that is named', async () => {
    using site = await GapSite.make();
    await GapSite.must(site.export('-o', site.archive));
    writeFileSync(`${site.medium}/models.transfer.jsonl`, '{}\n');
    const { status, stdout } = await look(site, site.archive);
    assert.equal(status, 1);
    assert.match(stdout, /^record {4}the transfer record is broken at entry 1: /m);
    const asked = await look(site, site.archive, '--sender', site.key);
    assert.equal(asked.status, 2);
    assert.match(asked.stderr, /\(ARCHIVE_SENDER\)/);
    const known = await look(site, site.archive, '--sender', `${site.data}/state/custody.pub`);
    assert.match(known.stdout, /^sender {4}signed by custody\.pub$/m);
  });
});
