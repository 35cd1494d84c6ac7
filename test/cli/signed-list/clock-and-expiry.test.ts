import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { formats } from '../../../src/config/index.ts';
import { failing, ofRule, SignedSite, verdicts } from '../../fixtures/signed-site.ts';

let site: SignedSite;

beforeEach(async () => {
  site = new SignedSite();
  site.scratch.addModel();
  await site.approve();
});

afterEach(() => site.remove());

describe('an approval that has expired', () => {
  test('is refused from the day on that it names: 90 days by default', async () => {
    site.day = 89;
    assert.equal((await site.check()).status, 0);
    site.day = 90;
    const report = await site.check();
    assert.deepEqual([report.status, failing(report)], [2, ['list-expired 2']]);
    assert.deepEqual(verdicts(report), { 'sample:latest': 'untrusted' });
    const [finding] = ofRule(report, 'list-expired');
    assert.match(finding?.message ?? '', /its approval expired on 2026-11-30T00:00:00\.000Z$/);
    assert.equal(finding?.hint, `verify-models sign ${site.list} --renew --key KEY`);
  });

  test('is approved again, the same bytes, by the command that the report prints', async () => {
    const before = readFileSync(site.list);
    site.day = 100;
    const [finding] = ofRule(await site.check(), 'list-expired');
    const words = (finding?.hint ?? '').replace('KEY', site.key('alice').key).split(' ').slice(1);
    await site.must(...words);
    const report = await site.check();
    assert.deepEqual([report.status, report.allowList?.version], [0, 1]);
    assert.equal(report.allowList?.expires, '2027-03-10T00:00:00.000Z');
    assert.deepEqual(readFileSync(site.list), before);
  });

  test('is accepted with --allow-expired: exit 0, and a warning in every format', async () => {
    site.day = 100;
    const report = await site.check('--allow-expired');
    assert.deepEqual([report.status, failing(report)], [0, []]);
    assert.deepEqual(verdicts(report), { 'sample:latest': 'ok' });
    assert.deepEqual(
      ofRule(report, 'list-expired-allowed').map(({ severity }) => severity),
      ['warning'],
    );
    assert.equal(report.allowList?.expires, '2026-11-30T00:00:00.000Z');
    const sentence =
      'its approval expired on 2026-11-30T00:00:00.000Z; --allow-expired accepts it all the same';
    for (const format of formats) {
      const run = await site.run(...site.checkWords('--allow-expired', '--format', format));
      assert.equal(run.status, 0);
      assert.ok(run.stdout.includes(sentence), format);
      assert.match(run.stdout, /warning|list-expired-allowed/, format);
      assert.equal(run.stderr, format === 'text' ? '' : `warning: ${sentence}\n`, format);
    }
    const quiet = await site.run(...site.checkWords('--allow-expired', '--quiet'));
    assert.equal(quiet.stderr, `warning: ${sentence}\n`);
  });

  test('is not remembered when --allow-expired accepted it', async () => {
    site.day = 100;
    await site.check('--allow-expired');
    const again = await site.check('--allow-expired');
    assert.equal(ofRule(again, 'list-first-seen').length, 1);
  });

  test('fails all the same with --fail-on, and --allow-expired changes nothing before that day', async () => {
    assert.deepEqual(ofRule(await site.check('--allow-expired'), 'list-expired-allowed'), []);
    site.day = 100;
    const report = await site.check('--allow-expired', '--fail-on', 'list-expired-allowed');
    assert.deepEqual([report.status, failing(report)], [2, ['list-expired-allowed 2']]);
  });
});

describe('a clock that was set back', () => {
  test('is refused until the person who typed the printed command accepts it', async () => {
    site.day = 60;
    assert.equal((await site.check()).status, 0);
    site.day = 40;
    const report = await site.check();
    assert.deepEqual([report.status, failing(report)], [2, ['clock-set-back 2']]);
    assert.deepEqual(verdicts(report), { 'sample:latest': 'untrusted' });
    const [finding] = ofRule(report, 'clock-set-back');
    assert.match(
      finding?.message ?? '',
      /^the clock says 2026-10-11T00:00:00\.000Z, and a list was accepted at 2026-10-31T00:00:00\.000Z$/,
    );
    const command = `verify-models trust accept-clock --allow-list ${site.list} --state ${site.state}`;
    assert.equal(finding?.hint, command);
    const accepted = await site.must(...command.split(' ').slice(1));
    assert.equal(
      accepted.stdout,
      'the list models was last accepted at 2026-10-11T00:00:00.000Z, as far as this host knows\nnext: verify-models\n',
    );
    assert.equal((await site.check()).status, 0);
  });

  test('by five minutes and less is no clock set back: two clocks differ by so much', async () => {
    site.day = 60;
    await site.check();
    site.day = 60 - 5 / (24 * 60);
    assert.equal((await site.check()).status, 0);
    site.day = 60 - 5.1 / (24 * 60);
    assert.deepEqual(failing(await site.check()), ['clock-set-back 2']);
  });

  test('does not make an expired approval valid again', async () => {
    site.day = 89;
    await site.check();
    site.day = 100;
    await site.sign('alice', '--renew');
    await site.check();
    site.day = 10;
    assert.deepEqual(failing(await site.check()), ['clock-set-back 2']);
  });

  test('an approval from the future is not accepted, whatever is remembered', async () => {
    site.day = -1;
    const report = await site.check();
    assert.deepEqual([report.status, failing(report)], [2, ['list-not-approved 2']]);
    assert.match(ofRule(report, 'list-not-approved')[0]?.message ?? '', /issued in the future/);
  });
});
