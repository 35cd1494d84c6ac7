import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseAllowList, writeAllowList } from '../../src/allow-list/index.ts';
import { ApprovingSite, failingRules } from '../fixtures/approving-site.ts';
import { addSampleModel, sampleLayers } from '../fixtures/sample-store.ts';

describe('a list, a trust policy', () => {
  let site: ApprovingSite;
  beforeEach(async () => {
    site = new ApprovingSite();
    addSampleModel(site.store);
    for (const name of ['alice', 'bob', 'carol']) site.makeKey(name);
    await site.allow('--all');
  });
  afterEach(() => site[Symbol.dispose]());

  const trust = (...words: string[]) => site.done('trust', ...words, '--trust', site.policy);
  const signers = () =>
    ['alice', 'bob', 'carol'].flatMap((name) => ['--signer', `${name}=${site.path(`${name}.pub`)}`]);
  const check = (...flags: string[]) => site.check('--trust', site.policy, ...flags);
  const signList = (key: string, ...flags: string[]) =>
    site.sign(key, site.list, '--trust', site.policy, ...flags);

  const twoOfThree = async (...flags: string[]) => {
    await trust('init', '--allow-list', site.list, ...signers(), '--threshold', '2', ...flags);
    await site.sign('alice', site.policy);
    await site.sign('bob', site.policy);
  };

  test('two of three must approve; one of them twice is one', async () => {
    await twoOfThree();
    assert.deepEqual(failingRules(await check()), ['list-unsigned']);
    await signList('alice');
    assert.deepEqual(failingRules(await check()), ['list-not-approved']);
    await signList('alice', '--renew', '--expires', '30');
    const twice = await check();
    assert.equal(twice.status, 2);
    assert.match(twice.stdout, /has 1 of 2 approvals, by alice/);
    assert.match(await signList('carol'), /it joins the statement that others signed/);
    const run = await check();
    assert.equal(run.status, 0, run.stdout);
    assert.match(run.stdout, /approved by alice, carol, until/);
  });

  test('a policy that its own signers have not approved accepts nothing', async () => {
    await trust('init', '--allow-list', site.list, ...signers(), '--threshold', '2');
    await site.sign('alice', site.policy);
    await signList('alice');
    await signList('bob');
    assert.deepEqual(failingRules(await check()), ['trust-not-approved']);
  });

  test('a rotation that removes a signer reaches a host two versions behind', async () => {
    await twoOfThree();
    await signList('alice');
    await signList('bob');
    assert.equal((await check()).status, 0);
    await trust('rotate', '--remove', 'carol');
    for (const name of ['alice', 'bob']) await site.sign(name, site.policy);
    site.makeKey('dave');
    await trust('add-signer', 'dave', '--key', site.path('dave.pub'));
    for (const name of ['alice', 'bob']) await site.sign(name, site.policy);
    assert.match(await trust('show'), /version 3, until/);
    assert.equal((await check()).status, 0);
    await signList('alice', '--renew');
    await site.type(
      'sign',
      site.list,
      '--key',
      site.path('carol.key'),
      '--trust',
      site.policy,
      '--store',
      site.store,
    );
    assert.equal((await check()).status, 0, 'the older statement by alice and bob still counts');
  });

  test('a version that is missing, or that the ones before did not approve, ends the chain', async () => {
    await twoOfThree();
    await signList('alice');
    await signList('bob');
    assert.equal((await check()).status, 0);
    await trust('rotate', '--remove', 'bob', '--root-threshold', '1', '--list-threshold', '1');
    await site.sign('carol', site.policy);
    const run = await check();
    assert.equal(run.status, 2);
    assert.match(
      run.stdout,
      /trust-not-approved: the trust policy 2 has 1 of 2 approvals that policy 1 asks for/,
    );
  });

  test('an older policy is refused once a newer one was accepted', async () => {
    await twoOfThree();
    await signList('alice');
    await signList('bob');
    cpSync(site.policy, `${site.policy}.old`);
    cpSync(`${site.policy}.sigstore.jsonl`, `${site.policy}.old.sigstore.jsonl`);
    await trust('rotate');
    for (const name of ['alice', 'bob']) await site.sign(name, site.policy);
    assert.equal((await check()).status, 0);
    const run = await site.check('--trust', `${site.policy}.old`);
    assert.deepEqual(failingRules(run), ['trust-rolled-back']);
  });

  test('a list that was accepted before goes on in its days of grace, and no other does', async () => {
    await twoOfThree('--grace-days', '10');
    await signList('alice');
    await signList('bob');
    assert.equal((await check()).status, 0);
    site.setDay(95);
    const run = await check();
    assert.equal(run.status, 0, run.stdout);
    assert.match(run.stdout, /warning list-in-grace: /);
    assert.deepEqual(failingRules(await check('--state', site.path('another'))), ['list-expired']);
    site.setDay(101);
    assert.deepEqual(failingRules(await check()), ['list-expired']);
  });

  test('a list of 5,000 models is green on a host that holds three of them', async () => {
    addSampleModel(site.store, 'registry.ollama.ai/library/second:1b', sampleLayers('Two.\n'));
    addSampleModel(site.store, 'registry.ollama.ai/library/third:1b', sampleLayers('Three.\n'));
    await site.allow('--all');
    const list = parseAllowList(readFileSync(site.list));
    const [first] = list.models.values();
    assert.ok(first !== undefined);
    const models = new Map(list.models);
    for (let n = 0; models.size < 5000; n += 1) models.set(`registry.ollama.ai/library/m${n}:latest`, first);
    writeFileSync(site.list, writeAllowList({ ...list, models }));
    await site.sign('alice');
    const by = ['--key', site.path('alice.pub')] as const;
    const run = await site.check(...by);
    assert.equal(run.status, 0, run.stdout);
    assert.match(run.stdout, /info model-absent: 4997 of 5000 listed models are not in the store/);
    const named = await site.check(...by, 'm17');
    assert.equal(named.status, 8);
    assert.match(named.stdout, /error model-missing: m17:latest is listed and not in the store/);
    assert.equal((await site.check(...by, '--require-all')).status, 8);
  });

  test("a mirror's host stands for another by the list's own word", async () => {
    addSampleModel(site.store, 'mirror.corp/library/sample:latest');
    const list = parseAllowList(readFileSync(site.list));
    writeFileSync(
      site.list,
      writeAllowList({ ...list, aliases: new Map([['mirror.corp', 'registry.ollama.ai']]) }),
    );
    await site.sign('alice');
    const run = await site.check('--key', site.path('alice.pub'));
    assert.equal(run.status, 0, run.stdout);
    assert.match(run.stdout, /2 models: 2 ok/);
  });
});
