import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { KnownError } from '../../src/errors/index.ts';
import { bytesOf, MemorySource } from '../fixtures/archive-bytes.ts';
import { ArchiveSite, addedFile } from '../fixtures/archive-site.ts';
import { ReceivingSide } from '../fixtures/receiving-side.ts';
import { refusedWith } from '../fixtures/refused-with.ts';
import { blobNames } from '../fixtures/whole-blobs.ts';

describe('an archive into a mirror', () => {
  let site: ArchiveSite;
  let whole: Buffer;
  before(async () => {
    site = new ArchiveSite();
    const added = [
      addedFile(site, 'bom/a.json', Buffer.from('bom')),
      addedFile(site, 'tool/verify-models', Buffer.from('tool')),
    ];
    whole = await bytesOf(await site.plan({ added }));
  });
  after(() => site[Symbol.dispose]());

  test('models are let in by the list, once, and what came along is kept when all is verified', async () => {
    using side = new ReceivingSide(site.signer);
    const outcome = await side.import(new MemorySource(whole));
    assert.deepEqual(
      outcome.models.map(({ name, bytes, known }) => [name.model, bytes, known]),
      [
        ['first', 90_057, false],
        ['second', 70_058, false],
      ],
    );
    assert.deepEqual([...side.kept.boms.keys()], ['bom/a.json']);
    assert.deepEqual(
      [side.kept.toolBytes.toString(), side.kept.finished, side.kept.closed],
      ['tool', true, 1],
    );
    const [admitted] = side.records.admitted;
    assert.deepEqual([admitted?.source, admitted?.listVersion], [`archive ${outcome.archive}`, 1]);
    const again = await side.import(new MemorySource(whole));
    assert.deepEqual([again.taken, side.records.admitted.length], [0, 2]);
    assert.deepEqual(
      again.sheet.map(({ name }) => name),
      ['first:latest', 'second:1b'],
    );
  });

  test('what is refused is noted, and nothing of it is received', async () => {
    using own = new ArchiveSite({ models: site.models.slice(0, 1), version: 4 }, site.signer);
    using side = new ReceivingSide(site.signer);
    side.putList(own.files);
    const outcome = await side.import(new MemorySource(await bytesOf(await site.plan({ list: 'none' }))));
    assert.deepEqual([outcome.models.length, outcome.refused.length], [1, 1]);
    assert.equal(outcome.sheet.at(-1)?.id, 'refused');
    assert.equal(blobNames(side.data).length, 3);
    assert.match(
      side.records.refusals.join(),
      /^refused: second:1b is not on the allow-list models version 4; ask/,
    );
  });

  test('observing, all that is whole comes in', async () => {
    using side = new ReceivingSide(site.signer);
    const { models, renewal } = await side.import(new MemorySource(whole), {
      own: undefined,
      policy: 'observe',
    });
    assert.deepEqual([models.length, renewal], [2, undefined]);
    assert.equal(side.records.admitted[0]?.listVersion, undefined);
  });

  test('who sent it is judged before anything else is read', async () => {
    using side = new ReceivingSide(site.signer);
    const before = side.end;
    const { id } = await site.plan();
    let asked = '';
    const refusing = side.import(new MemorySource(await bytesOf(await site.plan())), {
      checkSender: (archive) => {
        asked = archive;
        throw new KnownError('ARCHIVE_SENDER', { problem: 'nobody' });
      },
    });
    await assert.rejects(refusing, refusedWith('ARCHIVE_SENDER'));
    assert.equal(asked, id);
    assert.deepEqual(side.end, before);
  });

  test('a tool for which there is no room is told before a byte of it is kept', async () => {
    using side = new ReceivingSide(site.signer, { maxData: undefined, freeIn: async () => 64 * 2 ** 20 + 3 });
    await assert.rejects(side.import(new MemorySource(whole)), refusedWith('STORAGE_FULL'));
    assert.equal(side.kept.toolBytes.length, 0);
    assert.equal(side.kept.closed, 1);
  });
});
