import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readRecord } from '../../../src/custody/index.ts';
import { parsePublicKey } from '../../../src/trust/index.ts';
import { GapSite } from '../../fixtures/gap-site.ts';
import { emptySettings, newIo, runMain } from '../../fixtures/run-main.ts';

describe('who signs a transfer', () => {
  const entries = (site: GapSite) => readRecord(readFileSync(`${site.medium}/models.transfer.jsonl`)).entries;

  test('is a key of this side, the same every time, whose public half can be given away', async () => {
    using site = await GapSite.make();
    await GapSite.must(site.export('-o', site.archive));
    await GapSite.must(site.export('-o', site.archive));
    const own = parsePublicKey(readFileSync(join(site.data, 'state', 'custody.pub'), 'utf8'));
    assert.deepEqual(
      entries(site).map(({ signer }) => signer.id),
      [own.id, own.id],
    );
  });

  test('is the key that a person names, with its passphrase, and who, what and which seal', async () => {
    using site = await GapSite.make();
    const name = join(site.folder, 'carol');
    const secret = { VERIFY_MODELS_PASSPHRASE: 'secret' };
    assert.equal((await runMain(['keygen', name], { environment: secret })).status, 0);
    const io = newIo({ environment: { MODEL_MIRROR_CONFIG: emptySettings, ...secret } });
    const by = ['--allow-list', site.listPath, '--key', site.key, '--custody-key', `${name}.key`];
    const said = ['--custodian', 'Carol Ünal', '--media-id', 'USB-17', '--seal', 'A44121'];
    await GapSite.must(site.mirror(['export', '--data', site.data, '-o', site.archive, ...by, ...said], io));
    const [entry] = entries(site);
    const carol = parsePublicKey(readFileSync(`${name}.pub`, 'utf8'));
    assert.deepEqual(
      [entry?.signer.id, entry?.custodian, entry?.mediaId, entry?.seal],
      [carol.id, 'Carol Ünal', 'USB-17', 'A44121'],
    );
    assert.match(
      readFileSync(`${site.medium}/models.sheet.txt`, 'utf8'),
      /custodian Carol Ünal {3}media USB-17/,
    );
    const sender = await site.import(site.archive, '--sender', `${name}.pub`);
    assert.match(sender.stdout, /signed by carol\.pub/);
  });

  test('papers that a person names must be there: nobody signs a record that begins anew by a slip', async () => {
    using site = await GapSite.make();
    await GapSite.must(site.export('-o', site.archive));
    const before = site.filesThere();
    for (const flag of ['--signature', '--record'])
      for (const run of [
        await site.import(site.archive, flag, `${site.medium}/slip`),
        await site.install(site.archive, flag, `${site.medium}/slip`),
        await site.mirror(['inspect', site.archive, '--data', site.there.data, flag, `${site.medium}/slip`]),
      ]) {
        assert.equal(run.status, 4);
        assert.match(run.stderr, /cannot read \S+slip: there is no such file \(PAPER_UNREADABLE\)/);
      }
    assert.deepEqual(site.filesThere(), before);
  });

  test('words that would not stand on a page are refused before anything is written', async () => {
    using site = await GapSite.make();
    for (const [flag, word] of [
      ['--custodian', ''],
      ['--media-id', 'a\u001b[2Jb'],
      ['--seal', 'x'.repeat(201)],
    ] as const) {
      const run = await site.export('-o', site.archive, flag, word);
      assert.equal(run.status, 64);
      assert.match(run.stderr, new RegExp(`${flag} takes 1 to 200 characters`));
    }
    assert.match(
      (await site.export('-o', site.archive, '--custody-key', '/no/such')).stderr,
      /KEY_UNREADABLE/,
    );
  });
});
