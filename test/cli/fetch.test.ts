import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { sampleLayers } from '../fixtures/sample-store.ts';
import { ServedMirror } from '../fixtures/served-mirror.ts';
import { SignedSite } from '../fixtures/signed-site.ts';

/** A site whose list lies on a mirror, and a host that takes it from there. */
describe('verify-models fetch', () => {
  let site: SignedSite;
  let host: SignedSite;
  let mirror: ServedMirror;
  beforeEach(async () => {
    site = new SignedSite();
    host = new SignedSite();
    site.scratch.addModel();
    mirror = await ServedMirror.start(
      ...['--data', site.beside('data'), '--upstream', 'http://127.0.0.1:9'],
      ...['--allow-list', site.list, '--trust', site.trust],
    );
  });
  afterEach(async () => {
    await mirror.stop();
    site.remove();
    host.remove();
  });

  const fetchList = (...by: string[]) =>
    host.run('fetch', '--from', mirror.url, '--allow-list', host.list, '--state', host.state, ...by);
  const byKey = () => fetchList('--key', site.key('alice').pub);
  /** The list and its approvals on the host. */
  const here = () =>
    [host.list, host.approvals].map((file) => existsSync(file) && readFileSync(file, 'utf8'));
  const there = () => [site.list, site.approvals].map((file) => readFileSync(file, 'utf8'));

  test('takes a list with its approvals, tables and manifests, and says that nothing bound it', async () => {
    site.scratch.addModel('registry.ollama.ai/library/large:latest', [
      { kind: 'model', bytes: Buffer.from(patternedBytes(17 * 1024 * 1024)) },
    ]);
    await site.approve();
    const { status, stdout, stderr } = await byKey();
    assert.equal(status, 0, stderr);
    const digest = /sha256:[0-9a-f]{64}/.exec(stdout)?.[0];
    assert.equal(
      stdout,
      [
        `list models version 1 taken, into ${host.list}`,
        `approved by ${site.key('alice').pub}, until 2026-11-30`,
        '2 models added, 0 changed, 0 removed',
        '1 chunk table and 2 manifests taken',
        `first contact: compare its digest with what the signers say: ${digest}`,
        `next: verify-models check --allow-list ${host.list} --key ${site.key('alice').pub}`,
        '',
      ].join('\n'),
    );
    assert.deepEqual(here(), there());
    for (const folder of ['chunks', 'manifests'])
      assert.deepEqual(readdirSync(host.beside(folder)), readdirSync(site.beside(folder)));
  });

  test('says when nothing is newer, and remembers what it took', async () => {
    await site.approve();
    await byKey();
    const { status, stdout } = await byKey();
    assert.equal(status, 0);
    assert.match(stdout, /^list models version 1 is here already/);
    assert.match(stdout, /\n0 chunk tables and 0 manifests taken\n/);
    assert.doesNotMatch(stdout, /first contact/);
  });

  test('follows the list from version to version, and refuses an older one without touching anything', async () => {
    await site.approve();
    const old = site.keepList();
    await byKey();
    site.scratch.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Another.\n'));
    await site.approve();
    const { stdout } = await byKey();
    assert.match(stdout, /^list models version 2 taken[\s\S]*\n1 model added, 0 changed, 0 removed\n/);
    const kept = here();
    old();
    const { status, stderr } = await byKey();
    assert.equal(status, 2);
    assert.match(stderr, /the allow-list is not accepted: .*version 1.*2/);
    assert.deepEqual(here(), kept);
  });

  test('refuses a list that is older than the one that lies here, also where nothing is remembered', async () => {
    await site.approve();
    const old = site.keepList();
    site.scratch.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Another.\n'));
    await site.approve();
    await byKey();
    rmSync(host.state, { recursive: true });
    old();
    const { status, stderr } = await byKey();
    assert.equal(status, 2);
    assert.match(stderr, /version 1 is offered, and version 2 lies here/);
  });

  for (const [what, damage] of [
    ['changed after it was signed', () => appendFileSync(site.list, '\n')],
    ['signed by nobody', () => rmSync(site.approvals)],
    ['not there', () => rmSync(site.list)],
  ] as const) {
    test(`refuses a list that is ${what}, and writes nothing`, async () => {
      await site.approve();
      damage();
      const { status, stderr } = await byKey();
      assert.equal(status, 2);
      assert.match(stderr, /^error \[LIST_NOT_ACCEPTED\]|LIST_NOT_ACCEPTED/);
      assert.deepEqual(here(), [false, false]);
      assert.equal(existsSync(host.beside('chunks')), false);
    });
  }

  test('a table that is not what its name says is not taken; the list does without it', async () => {
    site.scratch.addModel('registry.ollama.ai/library/large:latest', [
      { kind: 'model', bytes: Buffer.from(patternedBytes(17 * 1024 * 1024)) },
    ]);
    await site.approve();
    const [table = ''] = readdirSync(site.beside('chunks'));
    writeFileSync(join(site.beside('chunks'), table), Buffer.alloc(64));
    const { status, stdout } = await byKey();
    assert.equal(status, 0);
    assert.match(
      stdout,
      /\n0 chunk tables and 2 manifests taken; 1 table missing: whole digests are used there\n/,
    );
    assert.equal(existsSync(host.beside('chunks')), false);
  });

  test('an expired approval is refused', async () => {
    await site.approve();
    host.day = 200;
    const { status } = await byKey();
    assert.equal(status, 2);
    assert.deepEqual(here(), [false, false]);
  });

  describe('under a trust policy', () => {
    const byPolicy = () => fetchList('--trust', host.trust);
    beforeEach(async () => {
      await site.allow('--all');
      await site.policy(['alice', 'bob'], 1);
      await site.sign('alice', '--trust', site.trust, '--expires', '30');
      for (const suffix of ['', '.sigstore.jsonl'])
        writeFileSync(`${host.trust}${suffix}`, readFileSync(`${site.trust}${suffix}`));
    });

    async function rotate(...words: string[]): Promise<void> {
      await site.must('trust', 'rotate', '--trust', site.trust, ...words);
      await site.signPolicy('alice');
    }

    test('follows the policy over several versions, from the one that lies on the host', async () => {
      await rotate('--max-validity-days', '80');
      await rotate('--remove', 'bob');
      const { status, stdout, stderr } = await byPolicy();
      assert.equal(status, 0, stderr);
      assert.match(stdout, /^trust policy version 3 taken\nlist models version 1 taken/);
      assert.equal(readFileSync(host.trust, 'utf8'), readFileSync(site.trust, 'utf8'));
      assert.deepEqual(readdirSync(host.beside('trust')).sort(), [
        '1.json',
        '1.json.sigstore.jsonl',
        '2.json',
        '2.json.sigstore.jsonl',
      ]);
    });

    test('a mirror that offers a policy of its own is refused at the first contact too', async () => {
      const mallory = new SignedSite();
      try {
        mallory.scratch.addModel();
        await mallory.allow('--all');
        await mallory.policy(['alice'], 1);
        await mallory.must('trust', 'rotate', '--trust', mallory.trust, '--max-validity-days', '70');
        await mallory.signPolicy('alice');
        await mallory.sign('alice', '--trust', mallory.trust, '--expires', '30');
        for (const name of ['trust.json', 'allow-list.json'])
          for (const suffix of ['', '.sigstore.jsonl'])
            writeFileSync(site.beside(`${name}${suffix}`), readFileSync(mallory.beside(`${name}${suffix}`)));
        const before = readFileSync(host.trust, 'utf8');
        const { status, stderr } = await byPolicy();
        assert.equal(status, 2);
        assert.match(stderr, /the trust policy 2 has 0 of 1 approvals that policy 1 asks for/);
        assert.equal(readFileSync(host.trust, 'utf8'), before);
        assert.deepEqual(here(), [false, false]);
      } finally {
        mallory.remove();
      }
    });

    test('a mirror that is behind does not set the policy of a host back', async () => {
      await byPolicy();
      const old = ['', '.sigstore.jsonl'].map((suffix) => readFileSync(`${site.trust}${suffix}`));
      await rotate('--max-validity-days', '80');
      await byPolicy();
      const newest = readFileSync(host.trust, 'utf8');
      for (const [at, suffix] of ['', '.sigstore.jsonl'].entries())
        writeFileSync(`${site.trust}${suffix}`, old[at] ?? '');
      const { status, stderr } = await byPolicy();
      assert.equal(status, 0, stderr);
      assert.equal(readFileSync(host.trust, 'utf8'), newest);
    });
  });

  test('needs a mirror and the network', async () => {
    const missing = await host.run('fetch', '--key', site.key('alice').pub);
    assert.equal(missing.status, 64);
    assert.match(missing.stderr, /name the mirror: --from https:\/\/MIRROR/);
    const offline = await host.run(
      'fetch',
      '--offline',
      '--from',
      mirror.url,
      '--key',
      site.key('alice').pub,
    );
    assert.equal(offline.status, 64);
    const upstream = await host.run('fetch', '--from', 'upstream', '--key', site.key('alice').pub);
    assert.equal(upstream.status, 64);
  });
});
