import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseAllowList, writeAllowList } from '../../../src/allow-list/index.ts';
import { sampleLayers, sha256 } from '../../fixtures/sample-store.ts';
import { failing, ofRule, SignedSite, verdicts } from '../../fixtures/signed-site.ts';

let site: SignedSite;

beforeEach(async () => {
  site = new SignedSite();
  site.scratch.addModel();
  await site.approve();
});

afterEach(() => site.remove());

const listDigest = (): string => sha256(readFileSync(site.list));

/** One more model, in the store and on the list. */
async function nextVersion(name: string): Promise<void> {
  site.scratch.addModel(`registry.ollama.ai/library/${name}:latest`, sampleLayers(`${name}\n`, name));
  await site.approve();
}

describe('a list that is replaced by its own older version, with its approvals', () => {
  test('is exit 2 on a host that accepted the newer one, and nothing is trusted', async () => {
    const bringBack = site.keepList();
    await nextVersion('second');
    assert.equal((await site.check()).status, 0);
    bringBack();
    const report = await site.check();
    assert.deepEqual([report.status, failing(report)], [2, ['list-rolled-back 2']]);
    assert.deepEqual(verdicts(report), { 'sample:latest': 'untrusted', 'second:latest': 'untrusted' });
    const [finding] = ofRule(report, 'list-rolled-back');
    assert.deepEqual([finding?.expected, finding?.actual], ['2', '1']);
    assert.equal(finding?.message, 'the allow-list has version 1, and 2 was accepted before');
  });

  test('is not undone by a check that refuses it: the newest one is remembered', async () => {
    const bringBack = site.keepList();
    await nextVersion('second');
    const bringNewest = site.keepList();
    await site.check();
    bringBack();
    await site.check();
    bringNewest();
    assert.equal((await site.check()).status, 0);
    bringBack();
    assert.deepEqual(failing(await site.check()), ['list-rolled-back 2']);
  });

  test('passes on a host that never saw another, which says so with a fingerprint', async () => {
    const report = await site.check();
    assert.equal(report.status, 0);
    const [finding] = ofRule(report, 'list-first-seen');
    const fingerprint = listDigest().slice(7, 19);
    assert.deepEqual(
      [finding?.severity, finding?.actual, finding?.message],
      [
        'info',
        fingerprint,
        `first contact with the allow-list models: compare its fingerprint ${fingerprint} with the signer's`,
      ],
    );
    const text = await site.run(...site.checkWords(), '--state', site.beside('another'));
    assert.ok(text.stdout.includes(`fingerprint ${fingerprint} with`), text.stdout);
    assert.deepEqual(ofRule(await site.check(), 'list-first-seen'), []);
  });

  test('is refused there by --min-version and by --expect-digest, which name what is wanted', async () => {
    const bringBack = site.keepList();
    await nextVersion('second');
    const newest = listDigest();
    bringBack();
    const byVersion = await site.check('--min-version', '2');
    assert.deepEqual([byVersion.status, failing(byVersion)], [2, ['list-rolled-back 2']]);
    assert.match(ofRule(byVersion, 'list-rolled-back')[0]?.message ?? '', /and --min-version asks for 2$/);
    const byDigest = await site.check('--expect-digest', newest);
    assert.deepEqual([byDigest.status, failing(byDigest)], [2, ['list-not-expected 2']]);
    assert.deepEqual(
      ofRule(byDigest, 'list-not-expected').map(({ expected, actual }) => [expected, actual]),
      [[newest, listDigest()]],
    );
  });

  test('passes when the caller names it, and then there is no word of a first contact', async () => {
    await nextVersion('second');
    for (const words of [
      ['--min-version', '2'],
      ['--expect-digest', listDigest()],
    ]) {
      const another = ['--state', site.beside(words[0] ?? '')];
      const run = await site.run(...site.checkWords('--json', ...words), ...another);
      assert.equal(run.status, 0, run.stdout);
      const report = JSON.parse(run.stdout);
      assert.deepEqual(ofRule(report, 'list-first-seen'), [], words[0]);
    }
  });
});

describe('another list of the same version', () => {
  test('is equivocation: exit 2, and both digests are named', async () => {
    const first = listDigest();
    assert.equal((await site.check()).status, 0);
    const list = parseAllowList(readFileSync(site.list));
    const models = new Map(
      [...list.models].map(([name, model]) => [name, { ...model, note: 'another story' }]),
    );
    writeFileSync(site.list, writeAllowList({ ...list, models }));
    await site.sign('alice');
    const report = await site.check();
    assert.deepEqual([report.status, failing(report)], [2, ['list-equivocates 2']]);
    assert.deepEqual(
      ofRule(report, 'list-equivocates').map(({ expected, actual }) => [expected, actual]),
      [[first, listDigest()]],
    );
  });
});

test('a list of another id is another memory: version 1 of it passes beside version 2 of the first', async () => {
  await nextVersion('second');
  await site.check();
  const other = site.beside('other-list.json');
  await site.must('allow', '--all', '--store', site.store, '--allow-list', other, '--list-id', 'others');
  await site.must('sign', other, '--key', site.key('alice').key);
  const words = ['check', '--json', '--store', site.store, '--state', site.state, '--allow-list', other];
  const run = await site.run(...words, '--key', site.key('alice').pub);
  assert.equal(run.status, 0, run.stdout);
  assert.deepEqual(JSON.parse(run.stdout).allowList.listId, 'others');
});
