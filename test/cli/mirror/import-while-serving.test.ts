import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { carriedModel, twoModels } from '../../fixtures/archive-site.ts';
import { GapSite } from '../../fixtures/gap-site.ts';
import { ServedMirror } from '../../fixtures/served-mirror.ts';

const template = (text: string) =>
  carriedModel('registry.ollama.ai/library/first:latest', {
    model: Buffer.from('weights that stay'),
    template: Buffer.from(text),
  });

test('a mirror that serves gives the model of the new list with the first pull after an import', async () => {
  const before = template('before');
  const after = template('after');
  using old = await GapSite.make({ models: [before] });
  using fresh = await GapSite.make({ models: [after], version: 2 }, old.signer);
  await GapSite.must(old.export('-o', old.archive));
  await GapSite.must(fresh.export('-o', fresh.archive));
  await GapSite.must(old.import(old.archive));
  const { data, list } = old.there;
  const words = ['--data', data, '--allow-list', list, '--key', old.key];
  // Nothing looks at the list by itself: the clock of this mirror stands.
  await using mirror = await ServedMirror.start(...words, '--upstream', 'http://127.0.0.1:9');
  const pulled = async () => {
    const answer = await fetch(`${mirror.url}/v2/library/first/manifests/latest`);
    return Buffer.from(await answer.arrayBuffer()).equals(after.checked.bytes) ? 'after' : 'before';
  };
  assert.equal(await pulled(), 'before');
  copyFileSync(fresh.archive, join(old.medium, 'fresh.tar'));
  await GapSite.must(old.import(join(old.medium, 'fresh.tar')));
  mirror.io.pass(2000);
  assert.deepEqual(await Promise.all([pulled(), pulled(), pulled()]), ['after', 'after', 'after']);
  const models = (await old.mirrorThere()).filter((line) => line.startsWith('model '));
  assert.deepEqual(models, [`model first:latest ${after.checked.digest}`]);
});

test('what came by an archive is served; what is on no list is refused', async () => {
  using site = await GapSite.make();
  await GapSite.must(site.export('-o', site.archive));
  await GapSite.must(site.import(site.archive));
  const { data, list } = site.there;
  await using mirror = await ServedMirror.start('--data', data, '--allow-list', list, '--key', site.key);
  const answer = await fetch(`${mirror.url}/v2/library/first/manifests/latest`);
  assert.ok(Buffer.from(await answer.arrayBuffer()).equals(twoModels()[0]?.checked.bytes ?? Buffer.alloc(0)));
  assert.equal((await fetch(`${mirror.url}/v2/library/third/manifests/latest`)).status, 403);
});
