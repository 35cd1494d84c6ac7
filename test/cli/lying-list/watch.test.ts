import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { approveBlindly } from '../../fixtures/lying-list.ts';
import { sha256 } from '../../fixtures/sample-store.ts';
import { until } from '../../fixtures/until.ts';
import { WatchedSite } from '../../fixtures/watched-site.ts';

suite('a watched store', () => {
  let site: WatchedSite;
  beforeEach(() => {
    site = new WatchedSite();
  });
  afterEach(async () => {
    await site.stop();
    site.remove();
  });

  test('is not in order any more by a newer list that contradicts the manifest which it pins', async () => {
    const model = site.scratch.addModel();
    await site.approve();
    const { program, kept } = site.keeper();
    const key = site.key('alice').pub;
    await site.watch('--allow-list', site.list, '--key', key, '--on-finding', program);
    const text = readFileSync(site.list, 'utf8');
    const harmless = sha256(Buffer.from('a prompt that a reviewer knows'));
    writeFileSync(
      site.list,
      text.replace('"version": 1', '"version": 2').replace(model.digest('system'), harmless),
    );
    await approveBlindly(site);
    site.passMinute();
    await until(() => kept().some(({ exitCode }) => exitCode === 2));
    assert.deepEqual(
      kept().map(({ exitCode, findings }) => [exitCode, findings.map(({ rule }) => rule)]),
      [[2, ['list-contradicts-manifest']]],
    );
    assert.equal((await site.page('/readyz')).status, 503);
  });
});
