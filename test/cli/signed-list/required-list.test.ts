import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { sha256 } from '../../fixtures/sample-store.ts';
import { failing, ofRule, SignedSite, verdicts } from '../../fixtures/signed-site.ts';

let site: SignedSite;

beforeEach(async () => {
  site = new SignedSite();
  site.scratch.addModel();
  await site.approve();
});

afterEach(() => site.remove());

const digest = (): string => sha256(readFileSync(site.list));

describe('--require-allow-list', () => {
  test('without a list lets nothing pass: exit 2, integrity checked all the same', async () => {
    const run = await site.run('check', '--json', '--store', site.store, '--require-allow-list');
    const report = { status: run.status, ...JSON.parse(run.stdout) };
    assert.deepEqual([report.status, failing(report)], [2, ['list-unreadable 2']]);
    assert.deepEqual(verdicts(report), { 'sample:latest': 'untrusted' });
    assert.equal(
      ofRule(report, 'list-unreadable')[0]?.message,
      'no allow-list was given, and --require-allow-list asks for one',
    );
    assert.ok(report.blobs.every(({ proof }: { proof: string }) => proof === 'whole'));
  });

  test('with a list that is gone, or whose approvals are, lets nothing pass', async () => {
    rmSync(site.approvals);
    assert.deepEqual(failing(await site.check('--require-allow-list')), ['list-unsigned 2']);
    rmSync(site.list);
    const report = await site.check('--require-allow-list');
    assert.deepEqual([report.status, failing(report)], [2, ['list-unreadable 2']]);
    assert.match(ofRule(report, 'list-unreadable')[0]?.message ?? '', /cannot be read: ENOENT/);
  });

  test('refuses a first contact that nothing binds, and the printed command passes', async () => {
    const report = await site.check('--require-allow-list');
    assert.deepEqual([report.status, failing(report)], [2, ['first-contact 2']]);
    const [finding] = ofRule(report, 'first-contact');
    assert.equal(
      finding?.hint,
      `verify-models --allow-list ${site.list} --key ${site.key('alice').pub} --expect-digest ${digest()}`,
    );
    const words = [...(finding?.hint ?? '').split(' ').slice(1), '--require-allow-list'];
    const bound = await site.run(...words, '--store', site.store, '--state', site.state);
    assert.equal(bound.status, 0, bound.stdout);
    // From now on this host remembers.
    assert.equal((await site.check('--require-allow-list')).status, 0);
  });

  test('does not remember what it refused', async () => {
    await site.check('--require-allow-list');
    assert.deepEqual(failing(await site.check('--require-allow-list')), ['first-contact 2']);
  });

  test('passes where the least version is given, by the caller or by the policy', async () => {
    await site.allow('sample', '--note', 'second version');
    await site.sign();
    assert.equal((await site.check('--require-allow-list', '--min-version', '2')).status, 0);
    await site.policy(['alice'], 1, '--min-list-version', '2');
    const other = site.beside('never-seen');
    await site.sign('alice', '--renew', '--trust', site.trust);
    const report = await site.checkByPolicy('--require-allow-list', '--state', other);
    assert.deepEqual([report.status, report.allowList?.version], [0, 2]);
  });
});

describe('--min-version 1', () => {
  test('binds nothing: every list has it, and an old one passes by it', async () => {
    const report = await site.check('--require-allow-list', '--min-version', '1');
    assert.deepEqual([report.status, failing(report)], [2, ['first-contact 2']]);
    const [finding] = ofRule(report, 'first-contact');
    assert.match(finding?.message ?? '', /; --min-version 1 binds nothing: every list has it$/);
    assert.deepEqual(verdicts(report), { 'sample:latest': 'untrusted' });
  });

  test('is told as what it is where nothing need be bound', async () => {
    const report = await site.check('--min-version', '1');
    assert.deepEqual([report.status, failing(report)], [0, []]);
    assert.match(
      ofRule(report, 'list-first-seen')[0]?.message ?? '',
      /; --min-version 1 binds nothing: every list has it$/,
    );
  });

  test('does not stand for a state that cannot be used either', async () => {
    writeFileSync(site.state, 'a file, not a directory');
    const report = await site.check('--require-allow-list', '--min-version', '1');
    assert.deepEqual([report.status, failing(report)], [2, ['first-contact 2']]);
  });

  test('starts nothing by exec', async () => {
    const words = site.checkWords('--require-allow-list', '--min-version', '1').slice(1);
    const run = await site.run('exec', ...words, '--', '/bin/echo', 'started');
    assert.equal(run.status, 2);
    assert.match(run.stderr, /error first-contact: .*not started: the check failed\n$/s);
  });
});

describe('a state directory that cannot be used', () => {
  const unusable = (): void => writeFileSync(site.state, 'a file, not a directory');

  test('is a warning where nobody guards a start', async () => {
    unusable();
    const report = await site.check();
    assert.deepEqual([report.status, failing(report)], [0, []]);
    const [finding] = ofRule(report, 'state-not-kept');
    assert.equal(finding?.severity, 'warning');
    assert.match(
      finding?.message ?? '',
      /^what is accepted is not remembered: cannot use the state directory /,
    );
    assert.match(finding?.hint ?? '', /--state DIR/);
  });

  test('is refused with --require-allow-list, and both reasons are told', async () => {
    unusable();
    const report = await site.check('--require-allow-list');
    assert.deepEqual([report.status, failing(report)], [2, ['first-contact 2']]);
    assert.deepEqual(verdicts(report), { 'sample:latest': 'untrusted' });
    assert.equal(ofRule(report, 'state-not-kept').length, 1);
  });

  test('passes with --require-allow-list when the digest, the version or the policy binds the list', async () => {
    await site.allow('sample', '--note', 'second version');
    await site.sign();
    unusable();
    for (const words of [
      ['--expect-digest', digest()],
      ['--min-version', '2'],
    ]) {
      const report = await site.check('--require-allow-list', ...words);
      assert.deepEqual([report.status, failing(report)], [0, []], words[0]);
      assert.equal(ofRule(report, 'state-not-kept').length, 1);
    }
  });

  test('that was writable before and is not now is refused too, though the list is the one it knows', {
    skip: process.getuid?.() === 0 ? 'needs a user who is not root: root may write everywhere' : false,
  }, async () => {
    await site.check();
    chmodSync(site.state, 0o500);
    try {
      assert.deepEqual(failing(await site.check('--require-allow-list')), ['first-contact 2']);
      const words = ['--require-allow-list', '--expect-digest', digest()];
      assert.equal((await site.check(...words)).status, 0);
    } finally {
      chmodSync(site.state, 0o700);
    }
  });

  test('a damaged memory is a warning, and with --require-allow-list a refusal', async () => {
    await site.check();
    const memory = readdirSync(site.state).find((name) => name.startsWith('list-')) ?? '';
    writeFileSync(`${site.state}/${memory}`, '{');
    const report = await site.check();
    assert.deepEqual([report.status, ofRule(report, 'state-not-kept').length], [0, 1]);
    assert.match(ofRule(report, 'state-not-kept')[0]?.hint ?? '', /^remove that file: rm /);
    assert.deepEqual(failing(await site.check('--require-allow-list')), ['first-contact 2']);
  });
});

describe('a check that guards a start reads every byte', () => {
  for (const words of [['--quick'], ['--subset', '1/7'], ['--max-duration', '1h']]) {
    test(`${words[0]} is refused with --require-allow-list`, async () => {
      const run = await site.run(...site.checkWords('--require-allow-list', ...words));
      assert.deepEqual([run.status, run.stdout], [64, '']);
      assert.match(run.stderr, /leaves bytes unread, and --require-allow-list guards a start \(USAGE\)\n/);
    });
  }
});
