import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ApprovedList } from '../../src/admission/index.ts';
import { Companions } from '../../src/allow-list/index.ts';
import { type ArchiveModel, blobName } from '../../src/archive/index.ts';
import { type JudgeRules, judgeModels } from '../../src/transfer/index.ts';
import { ArchiveSite, carriedModel, twoModels } from '../fixtures/archive-site.ts';
import { digestOf } from '../fixtures/blob-directory.ts';

describe('models of an archive, judged by this side', () => {
  let site: ArchiveSite;
  before(() => {
    site = new ArchiveSite({ models: twoModels().slice(0, 1) });
  });
  after(() => site[Symbol.dispose]());

  const [first, second] = twoModels();
  const asModel = ({ name, checked: { mediaType, digest } }: NonNullable<typeof first>): ArchiveModel => ({
    name,
    mediaType,
    digest,
  });
  const other = carriedModel('registry.ollama.ai/library/first:latest', { model: Buffer.from('other') });

  async function judged(carried: readonly (typeof first)[], rules: Partial<JudgeRules> = {}) {
    const models = carried.flatMap((one) => (one === undefined ? [] : [one]));
    const files = new Map(models.map(({ checked }) => [blobName(checked.digest), checked.bytes]));
    const approved = new ApprovedList(
      site.list,
      new Companions(`${site.folder}/allow-list.json`),
      site.listDigest,
    );
    const { welcome, refused } = await judgeModels(models.map(asModel), files, {
      ...{ standing: { kind: 'accepted', approved }, policy: 'enforce', contact: 'Carol' },
      here: async () => undefined,
      ...rules,
    });
    return [
      ...welcome.map(
        ({ name, approved: by }) => `${name.model} ${by === undefined ? 'observed' : 'approved'}`,
      ),
      ...refused.map(({ name, bit, sentence }) => `${name.model} ${bit} ${sentence}`),
    ];
  }

  test('what is listed is welcome, what is not is refused', async () => {
    assert.deepEqual(await judged([first, second]), [
      'first approved',
      'second 2 second:1b is not on the allow-list models version 1; ask Carol',
    ]);
  });

  test('another manifest under a listed name is refused', async () => {
    assert.match(
      (await judged([other])).join(),
      /^first 2 first:latest is another one here: the allow-list approves \w{12}, and the archive has \w{12}$/,
    );
  });

  test('a list that is not accepted lets nothing in, and none lets nothing in when it must', async () => {
    assert.match(
      (await judged([first], { standing: { kind: 'refused', reason: 'expired' } })).join(),
      /^first 2 .*expired/,
    );
    assert.match(
      (await judged([first], { standing: { kind: 'none' } })).join(),
      /^first 2 this mirror has no allow-list/,
    );
  });

  test('observed, a tag is not moved', async () => {
    const none = { standing: { kind: 'none' }, policy: 'observe' } as const;
    assert.deepEqual(await judged([first, second], none), ['first observed', 'second observed']);
    const here = async () => first?.checked.digest;
    assert.deepEqual(await judged([first], { ...none, here }), ['first observed']);
    const moved = await judged([other], { ...none, here });
    assert.match(moved.join(), /^first 2 first:latest is here as \w{12}, .* nothing says which is right$/);
    assert.deepEqual(await judged([second], { policy: 'observe' }), ['second observed']);
  });

  test('a manifest that two readers could read differently is refused as altered', async () => {
    const bytes = Buffer.from('{"schemaVersion":2,"schemaVersion":2}');
    const model = { name: other.name, mediaType: other.checked.mediaType, digest: digestOf(bytes) };
    for (const files of [new Map([[blobName(model.digest), bytes]]), new Map<string, Buffer>()]) {
      const { refused } = await judgeModels([model], files, {
        ...{ standing: { kind: 'none' }, policy: 'observe', contact: 'Carol', here: async () => undefined },
      });
      assert.deepEqual(
        refused.map(({ bit }) => bit),
        [1],
      );
    }
  });
});
