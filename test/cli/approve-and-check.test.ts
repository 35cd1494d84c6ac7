import assert from 'node:assert/strict';
import { copyFileSync, lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ApprovingSite, failingRules } from '../fixtures/approving-site.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { addSampleModel, sampleLayers, sha256, writeManifest } from '../fixtures/sample-store.ts';

const approvals = (list: string) => `${list}.sigstore.jsonl`;

describe('a list, one key', () => {
  let site: ApprovingSite;
  beforeEach(() => {
    site = new ApprovingSite();
    addSampleModel(site.store);
    site.makeKey('alice');
  });
  afterEach(() => site[Symbol.dispose]());

  const approve = async () => {
    await site.allow('--all');
    await site.sign('alice');
  };
  const check = (...flags: string[]) => site.check('--key', site.path('alice.pub'), ...flags);

  test('four typed commands lead from nothing to a green check, each ending with the next one', async () => {
    const name = site.path('mine');
    const made = await site.done('keygen', name);
    assert.match(made, /next: verify-models allow --all --allow-list allow-list\.json\n$/);
    assert.equal(lstatSync(`${name}.key`).mode & 0o777, 0o600);
    assert.match(await site.allow('--all'), /\nnext: verify-models sign \S+ --key KEY --store \S+\n$/);
    assert.match(
      await site.sign('mine'),
      /\nnext: verify-models check --allow-list \S+ --key \S+mine\.pub( --store \S+)?\n$/,
    );
    const run = await site.check('--key', `${name}.pub`);
    assert.equal(run.status, 0, run.stdout);
    assert.match(run.stdout, /first contact .* fingerprint [0-9a-f]{12}/);
    assert.match(
      run.stdout,
      /\ntrust: allow-list models version 1, approved by \S+mine\.pub, until 2026-11-30\n/,
    );
  });

  test('a character of a template that was changed with its manifest: 1, and the word template', async () => {
    await approve();
    const layers = sampleLayers();
    const changed = layers.map((layer) =>
      layer.kind === 'template'
        ? { ...layer, bytes: Buffer.from(layer.bytes.toString().replace('<|user|>', '<|User|>')) }
        : layer,
    );
    addSampleModel(site.store, 'registry.ollama.ai/library/sample:latest', changed);
    const run = await check();
    assert.equal(run.status, 1);
    assert.deepEqual(failingRules(run), ['model-not-as-listed']);
    assert.match(run.stdout, /sample:latest is not what was approved: the template is another one/);
  });

  test('one byte of the list changed: 2', async () => {
    await approve();
    writeFileSync(site.list, readFileSync(site.list, 'utf8').replace('"version": 1', '"version": 2'));
    const run = await check();
    assert.equal(run.status, 2);
    assert.deepEqual(failingRules(run), ['list-changed']);
    assert.match(run.stdout, /sample:latest {2}untrusted/);
  });

  test('the list and its approvals replaced by their own older version: 2', async () => {
    await approve();
    for (const path of [site.list, approvals(site.list)]) copyFileSync(path, `${path}.old`);
    addSampleModel(site.store, 'registry.ollama.ai/library/second:latest', sampleLayers('Two.\n'));
    await approve();
    assert.equal((await check()).status, 0);
    for (const path of [site.list, approvals(site.list)]) renameSync(`${path}.old`, path);
    const run = await check('--allow-copies');
    assert.equal(run.status, 2);
    assert.deepEqual(failingRules(run), ['list-rolled-back']);
  });

  test('an unlisted model, a copy and a near-name are told apart; each model has one verdict', async () => {
    await approve();
    addSampleModel(site.store, 'registry.ollama.ai/library/copy:latest');
    addSampleModel(site.store, 'registry.ollama.ai/library/samp1e:latest', sampleLayers('Other.\n', 'other'));
    const run = await check();
    assert.equal(run.status, 2);
    assert.deepEqual(failingRules(run), ['model-copy', 'model-not-listed']);
    assert.match(run.stdout, /copy:latest is not on the allow-list; its content is that of sample:latest/);
    assert.match(run.stdout, /samp1e:latest is not on the allow-list; it could be taken for sample:latest/);
    assert.match(run.stdout, /3 models: 1 ok, 2 untrusted/);
    assert.deepEqual(failingRules(await check('--allow-copies')), ['model-not-listed']);
  });

  test('a manifest that was written again with the same content is accepted, and refused with --exact', async () => {
    await approve();
    const sample = addSampleModel(site.store);
    writeManifest(site.store, sample.name, JSON.stringify(JSON.parse(sample.manifest), null, 1));
    const run = await check();
    assert.equal(run.status, 0, run.stdout);
    assert.match(run.stdout, /warning manifest-rewritten: /);
    assert.equal((await check('--exact')).status, 1);
  });

  test('an approval expires, is renewed, and may be let pass loudly', async () => {
    await approve();
    assert.equal((await check()).status, 0);
    site.setDay(91);
    assert.deepEqual(failingRules(await check()), ['list-expired']);
    const let_ = await check('--allow-expired');
    assert.equal(let_.status, 0);
    assert.match(let_.stdout, /warning list-expired-allowed: /);
    await site.sign('alice', site.list, '--renew');
    assert.equal((await check()).status, 0);
    site.setDay(1);
    assert.deepEqual(failingRules(await check()), ['clock-set-back']);
    await site.done('trust', 'accept-clock', '--allow-list', site.list, '--state', site.path('state'));
    assert.deepEqual(failingRules(await check()), ['list-not-approved']);
  });

  test('a hook passes nothing without a list, and nothing that is not bound at the first contact', async () => {
    await approve();
    const none = await site.type('check', '--store', site.store, '--require-allow-list');
    assert.equal(none.status, 2);
    assert.deepEqual(failingRules(await check('--require-allow-list')), ['first-contact']);
    assert.deepEqual(failingRules(await check('--require-allow-list', '--min-version', '1')), [
      'first-contact',
    ]);
    const own = sha256(readFileSync(site.list));
    assert.equal((await check('--require-allow-list', '--expect-digest', own)).status, 0);
    assert.equal((await check('--require-allow-list')).status, 0);
    const digest = `sha256:${'0'.repeat(64)}`;
    assert.deepEqual(failingRules(await check('--expect-digest', digest)), ['list-not-expected']);
  });

  test('a big blob is verified by its pieces, a damaged piece is named, and without tables it is hashed whole', async () => {
    const layers = [{ kind: 'model', bytes: patternedBytes(40 * 1024 * 1024) }, ...sampleLayers().slice(1)];
    const big = addSampleModel(site.store, 'registry.ollama.ai/library/big:latest', layers);
    await approve();
    const json = JSON.parse((await check('--json')).stdout) as {
      blobs: { proof: string }[];
      allowList: { version: number };
    };
    assert.deepEqual(json.blobs.map(({ proof }) => proof).slice(0, 2), ['pieces', 'whole']);
    assert.equal(json.allowList.version, 1);
    const bytes = readFileSync(big.blob('model'));
    bytes[20 * 1024 * 1024] = (bytes[20 * 1024 * 1024] ?? 0) ^ 1;
    writeFileSync(big.blob('model'), bytes);
    const run = await check();
    assert.equal(run.status, 1);
    assert.match(
      run.stdout,
      /weights layer of big:latest is altered .*damaged: piece 1 of 16\.8 MB \(the first from byte 16777216\)/,
    );
    addSampleModel(site.store, 'registry.ollama.ai/library/big:latest', layers);
    rmSync(site.path('chunks'), { recursive: true });
    const whole = await check();
    assert.equal(whole.status, 0, whole.stdout);
    assert.match(whole.stdout, /info chunk-table-unusable: 1 chunk table of the list is missing or damaged/);
    assert.equal(
      (await site.type('sign', site.list, '--key', site.path('alice.key'), '--store', site.store, '--renew'))
        .status,
      64,
    );
  });

  test('nothing is listed from a store with findings', async () => {
    const sample = addSampleModel(site.store);
    writeFileSync(sample.blob('system'), 'x');
    const run = await site.type('allow', '--all', '--store', site.store, '--allow-list', site.list);
    assert.equal(run.status, 1);
    assert.match(
      run.stderr,
      /^verify-models: nothing is listed: the system layer of sample:latest .*\(STORE_NOT_SOUND\)\n/,
    );
    assert.throws(() => lstatSync(site.list), { code: 'ENOENT' });
  });

  test('what changed between the list and the store is shown line by line', async () => {
    await approve();
    addSampleModel(
      site.store,
      'registry.ollama.ai/library/sample:latest',
      sampleLayers('Answer \u202ein full.\n'),
    );
    const shown = await site.done('diff', site.list, '--store', site.store);
    assert.match(shown, /changed {2}sample:latest {3}manifest [0-9a-f]{12} -> [0-9a-f]{12}\n {2}system /);
    assert.match(shown, /\+Answer \\u\{202e\}in full\./);
    const json = JSON.parse(await site.done('diff', site.list, '--store', site.store, '--json')) as {
      changed: { layers: { layer: string }[] }[];
    };
    assert.deepEqual(
      json.changed[0]?.layers.map(({ layer }) => layer),
      ['system'],
    );
  });
});
