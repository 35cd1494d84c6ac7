import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { failing, ofRule, SignedSite, type SiteReport } from '../../fixtures/signed-site.ts';

/** One key approves two lists; a host knows which of them belongs to a place. */
describe('the place of an allow-list', () => {
  let site: SignedSite;
  let other: SignedSite;
  beforeEach(async () => {
    site = new SignedSite();
    other = new SignedSite();
    for (const { scratch } of [site, other]) scratch.addModel();
    other.scratch.addModel('registry.ollama.ai/library/evil:latest');
    await site.approve();
    await other.must(
      ...['allow', '--all', '--list-id', 'playground'],
      ...['--store', other.store, '--allow-list', other.list],
    );
    const words = ['--key', site.key('alice').key, '--store', other.store];
    await other.must('sign', other.list, ...words);
  });
  afterEach(() => {
    site.remove();
    other.remove();
  });

  /** Puts the other list of the same signer where the site has its own. */
  const swap = () => {
    for (const [from, to] of [
      [other.list, site.list],
      [other.approvals, site.approvals],
    ] as const)
      writeFileSync(to, readFileSync(from));
  };
  const exec = (...words: string[]) =>
    site.run(
      ...['exec', '--store', site.store, '--allow-list', site.list, '--key', site.key('alice').pub],
      ...['--state', site.state, '--jobs', '1', ...words, '--', 'true'],
    );

  test('takes no other list of the same key: a plain check says so, and does not launder it for exec', async () => {
    assert.equal((await site.check()).status, 0);
    swap();
    const report = await site.check();
    assert.deepEqual(failing(report), ['list-of-another 2']);
    const [finding] = ofRule(report, 'list-of-another');
    assert.deepEqual([finding?.expected, finding?.actual], ['models', 'playground']);
    assert.equal(
      finding?.message,
      `the allow-list is for the list playground, and this host accepted models from ${site.list} before`,
    );
    assert.equal(finding?.hint, 'verify-models explain list-of-another');
    const { status, stderr } = await exec();
    assert.equal(status, 2);
    assert.match(stderr, /list-of-another/);
    assert.match(stderr, /not started: the check failed/);
  });

  test('is another list from the moment on that a person says so, and only then', async () => {
    await site.check();
    swap();
    assert.equal((await site.check('--list-id', 'models')).status, 2);
    const said = await site.check('--list-id', 'playground');
    assert.deepEqual(failing(said), []);
    assert.deepEqual(failing(await site.check()), []);
  });

  test('is not the only protection: a list that moved is held to the version it had', async () => {
    const old = site.keepList();
    site.scratch.addModel('registry.ollama.ai/library/newer:latest');
    await site.approve();
    assert.equal((await site.check()).status, 0);
    old();
    const moved = site.beside('elsewhere/allow-list.json');
    mkdirSync(dirname(moved));
    writeFileSync(moved, readFileSync(site.list));
    writeFileSync(`${moved}.sigstore.jsonl`, readFileSync(site.approvals));
    const { stdout, status } = await site.run(
      ...['check', '--json', '--store', site.store, '--allow-list', moved],
      ...['--key', site.key('alice').pub, '--state', site.state],
    );
    assert.equal(status, 2);
    assert.match(stdout, /"rule":"list-rolled-back"/);
  });

  test('of a new key is a new beginning, and of a policy that names the key it is not', async () => {
    const old = site.keepList();
    site.scratch.addModel('registry.ollama.ai/library/newer:latest');
    await site.approve();
    assert.equal((await site.check()).status, 0);
    // The policy goes on from what its signer's list had reached before there was a policy.
    await site.policy(['alice'], 1);
    old();
    assert.deepEqual(
      failing(await site.checkByPolicy()).filter((line) => !line.startsWith('model-')),
      ['list-rolled-back 2'],
    );
    // Another key, and a first list of it: nobody can have been promised anything about that.
    await site.sign('bob');
    const { stdout } = await site.run(
      ...['check', '--json', '--store', site.store, '--allow-list', site.list],
      ...['--key', site.key('bob').pub, '--state', site.state],
    );
    const { allowList, findings } = JSON.parse(stdout) as SiteReport;
    assert.equal(allowList?.version, 1);
    assert.deepEqual(
      findings.map(({ rule }) => rule),
      ['model-copy', 'list-first-seen'],
    );
  });

  test('is asked of the policy before anything of it is judged', async () => {
    await site.policy(['alice'], 1);
    await site.sign('alice', '--trust', site.trust, '--expires', '30');
    assert.equal((await site.checkByPolicy()).status, 0);
    const forged = new SignedSite();
    try {
      forged.scratch.addModel();
      await forged.must(
        'allow',
        '--all',
        '--list-id',
        'mine',
        '--store',
        forged.store,
        '--allow-list',
        forged.list,
      );
      await forged.policy(['mallory'], 1);
      await forged.sign('mallory', '--trust', forged.trust, '--expires', '30');
      for (const suffix of ['', '.sigstore.jsonl']) {
        writeFileSync(`${site.trust}${suffix}`, readFileSync(`${forged.trust}${suffix}`));
        writeFileSync(`${site.list}${suffix}`, readFileSync(`${forged.list}${suffix}`));
      }
      const report = await site.checkByPolicy();
      assert.deepEqual(failing(report), ['list-of-another 2']);
      assert.match(
        ofRule(report, 'list-of-another')[0]?.message ?? '',
        /^the trust policy is for the list mine, and this host accepted models from .* before$/,
      );
    } finally {
      forged.remove();
    }
  });

  test('exec says when it accepts a list for the first time', async () => {
    const { stderr } = await exec();
    assert.match(
      stderr,
      /^note: first contact with the allow-list models: compare its fingerprint [0-9a-f]{12} /m,
    );
    assert.doesNotMatch((await exec()).stderr, /first contact/);
  });
});
