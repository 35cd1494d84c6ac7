import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chooseList, type OwnList, offeredBy } from '../../src/transfer/index.ts';
import { ArchiveSite } from '../fixtures/archive-site.ts';
import { ReceivingSide } from '../fixtures/receiving-side.ts';
import { refusedWith } from '../fixtures/refused-with.ts';
import { bundle, statement, TestSigner } from '../fixtures/signed-list.ts';
import { policyOf, signedPolicy } from '../fixtures/signed-policy.ts';

const alice = TestSigner.same('alice');

describe('the list that decides about an archive', () => {
  let site: ArchiveSite;
  before(() => {
    site = new ArchiveSite({ version: 2 }, alice);
  });
  after(() => site[Symbol.dispose]());

  const none = offeredBy(new Map());
  const offer = (of = site) => offeredBy(of.files);

  test('without one here there is none, whatever came along', async () => {
    const chosen = await chooseList(offer(), true, undefined);
    assert.deepEqual(chosen.standing, { kind: 'none' });
    assert.equal(await chosen.take(), undefined);
  });

  test('is the one that came, and nothing is written before it is taken', async () => {
    using side = new ReceivingSide(alice);
    const { standing, take } = await chooseList(offer(), true, side.own);
    assert.equal(standing.kind === 'accepted' && standing.approved.list.version, 2);
    assert.equal(existsSync(side.list), false);
    const renewal = await take();
    assert.deepEqual([renewal?.unchanged, renewal?.firstContact, existsSync(side.list)], [false, true, true]);
    const again = await (await chooseList(offer(), true, side.own)).take();
    assert.deepEqual([again?.unchanged, again?.firstContact], [true, false]);
  });

  test('is the one that is here, where none came along', async () => {
    using side = new ReceivingSide(alice);
    await assert.rejects(chooseList(none, false, side.own), refusedWith('LIST_NOT_ACCEPTED'));
    side.putList(site.files);
    const { standing } = await chooseList(none, false, side.own);
    assert.equal(standing.kind === 'accepted' && standing.approved.digest, site.listDigest);
  });

  test('is none by another key, or an older one than is remembered', async () => {
    using side = new ReceivingSide(TestSigner.same('bob'));
    await assert.rejects(chooseList(offer(), true, side.own), refusedWith('LIST_NOT_ACCEPTED'));
    using own = new ReceivingSide(alice);
    await (await chooseList(offer(), true, own.own)).take();
    using older = new ArchiveSite({ version: 1 }, alice);
    await assert.rejects(
      chooseList(offer(older), true, own.own),
      refusedWith('LIST_NOT_ACCEPTED', 'version 1'),
    );
  });

  test('a look goes by what is remembered, and remembers nothing', async () => {
    using side = new ReceivingSide(alice);
    using older = new ArchiveSite({ version: 1 }, alice);
    side.putList(older.files);
    assert.equal((await chooseList(none, false, side.own, false)).standing.kind, 'accepted');
    side.putList(site.files);
    await chooseList(none, false, side.own);
    side.putList(older.files);
    await assert.rejects(
      chooseList(none, false, side.own, false),
      refusedWith('LIST_NOT_ACCEPTED', 'version 1'),
    );
  });

  test('by a policy: two of two, the policy of the archive where it follows, and no list below its lowest version', async () => {
    using side = new ReceivingSide(alice);
    const bob = TestSigner.same('bob');
    const dates = { issued: '2026-08-31T00:00:00Z', expires: '2026-11-01T00:00:00Z' };
    const both = [alice, bob];
    const policy = (changes: object) =>
      signedPolicy(policyOf(both, 2, { listId: 'models', ...changes }), both, dates);
    const first = policy({});
    const trust = join(side.folder, 'trust.json');
    writeFileSync(trust, first.bytes);
    writeFileSync(`${trust}.sigstore.jsonl`, first.approvals);
    const own: OwnList = { ...side.own, key: undefined, trust };
    const approved = (signers: readonly TestSigner[], trustVersion: number) => {
      const bytes = site.file('allow-list.json');
      const payload = JSON.stringify(
        statement(bytes, { listId: 'models', version: 2, trustVersion, ...dates }),
      );
      return Buffer.from(signers.map((signer) => JSON.stringify(bundle(signer, payload))).join('\n'));
    };
    const files = (signers: readonly TestSigner[], trustVersion = 1, more: [string, Buffer][] = []) =>
      offeredBy(
        new Map([
          ...site.files,
          ['allow-list.json.sigstore.jsonl', approved(signers, trustVersion)],
          ...more,
        ]),
      );
    await assert.rejects(chooseList(files([alice]), true, own), refusedWith('LIST_NOT_ACCEPTED'));
    assert.equal((await chooseList(files(both), true, own)).standing.kind, 'accepted');
    const second = policy({ version: 2, minListVersion: 3 });
    const newer: [string, Buffer][] = [
      ['trust.json', second.bytes],
      ['trust.json.sigstore.jsonl', second.approvals],
      ['trust/1.json', first.bytes],
      ['trust/1.json.sigstore.jsonl', first.approvals],
    ];
    await assert.rejects(chooseList(files(both, 2, newer), true, own), refusedWith('LIST_NOT_ACCEPTED', '3'));
    const forged = signedPolicy(policyOf([bob], 1, { listId: 'models', version: 2 }), [bob], dates);
    const hostile: [string, Buffer][] = [
      ['trust.json', forged.bytes],
      ['trust.json.sigstore.jsonl', forged.approvals],
    ];
    await assert.rejects(chooseList(files([bob], 2, hostile), true, own), refusedWith('LIST_NOT_ACCEPTED'));
  });
});
