import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { flipBit } from '../fixtures/damage.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { resealAsItIs } from '../fixtures/reseal.ts';
import { sampleLayers } from '../fixtures/sample-store.ts';
import { oneUserOwnsBoth, SealedSite } from '../fixtures/sealed-site.ts';

const root = process.getuid?.() === 0;

suite('a sealed check', () => {
  let site: SealedSite;
  let weights: string;
  beforeEach(async () => {
    site = new SealedSite();
    weights = site.scratch.addModel('registry.ollama.ai/library/llama3.2:1b').blob('model');
    site.scratch.addModel('registry.ollama.ai/library/qwen:4b', sampleLayers('Be brief.'));
    await site.approve();
  });
  afterEach(() => site.remove());

  test('hashes everything first, and nothing the second time', { skip: oneUserOwnsBoth }, async () => {
    const first = await site.sealed();
    assert.deepEqual([first.status, first.rules], [0, ['seal-not-used']]);
    assert.match(first.said, /there is no seal of this store yet/);
    const second = await site.sealed();
    assert.deepEqual([second.status, second.rules], [0, ['seal-used']]);
    assert.deepEqual(Object.keys(second.proofs), ['seal']);
    assert.equal(
      second.proofs.seal,
      Object.values(first.proofs).reduce((sum, count) => sum + count),
    );
  });

  test('finds one flipped bit with the old mtime put back, and hashes only that file', async () => {
    const past = new Date('2026-08-01T00:00:00Z');
    utimesSync(weights, past, past);
    await site.sealed();
    flipBit(weights, 0, 0);
    const after = await site.sealed();
    assert.equal(after.status, 1);
    assert.equal(after.proofs.whole, 1);
  });

  test('a file that was replaced by one with the same bytes is hashed again, and sealed again', async () => {
    await site.sealed();
    copyFileSync(weights, `${site.scratch.folder}/copy`);
    renameSync(`${site.scratch.folder}/copy`, weights);
    assert.equal((await site.sealed()).proofs.whole, 1);
    assert.equal((await site.sealed()).proofs.whole, undefined);
  });

  test('a changed list is decided anew without hashing', async () => {
    await site.sealed();
    await site.must(
      'allow',
      'qwen:4b',
      '--store',
      site.store,
      '--allow-list',
      site.beside('other.json'),
      '--list-id',
      'models',
    );
    copyFileSync(site.beside('other.json'), site.list);
    writeFileSync(site.approvals, '');
    await site.sign('alice');
    const { status, proofs } = await site.sealed('--allow-expired');
    assert.equal(status & 2, 2);
    assert.deepEqual(Object.keys(proofs), ['seal']);
  });

  test('a proof by a chunk table holds only while the list names that table', async () => {
    const large = { kind: 'model', bytes: patternedBytes(33 * 1024 * 1024) };
    site.scratch.addModel('registry.ollama.ai/library/large:latest', [large]);
    await site.approve();
    assert.equal((await site.sealed()).proofs.pieces, 1);
    assert.deepEqual(Object.keys((await site.sealed()).proofs), ['seal']);
    const unlisted = await site.run('check', '--sealed', '--json', ...site.where);
    const { blobs } = JSON.parse(unlisted.stdout) as { blobs: { bytes: number; proof: string }[] };
    for (const { bytes, proof } of blobs)
      assert.equal(proof, bytes === large.bytes.length ? 'whole' : 'seal');
    // Proven whole since, it stays so under the list; --whole asks for no more.
    assert.deepEqual(Object.keys((await site.sealed('--whole')).proofs), ['seal']);
  });

  test('counts no proof that is older than --max-age', async () => {
    await site.sealed();
    site.day += 6;
    assert.deepEqual(Object.keys((await site.sealed()).proofs), ['seal']);
    site.day += 2;
    assert.equal((await site.sealed()).proofs.seal, undefined);
    site.day += 2;
    assert.equal((await site.sealed('--max-age', '24h')).proofs.seal, undefined);
  });

  test('with --full hashes everything, and seals anew', async () => {
    await site.sealed();
    assert.equal((await site.sealed('--full')).proofs.seal, undefined);
    assert.deepEqual(Object.keys((await site.sealed()).proofs), ['seal']);
  });

  test('a blob that was written a moment ago is not sealed', async () => {
    // The clock of the run is the time of the files.
    site.day = (Date.now() - Date.UTC(2026, 8, 1)) / 86_400_000;
    const now = ['check', '--sealed', '--json', '--store', site.store, '--state', site.beside('young')];
    await site.run(...now);
    const report = JSON.parse((await site.run(...now)).stdout);
    assert.ok(report.blobs.every(({ proof }: { proof: string }) => proof === 'whole'));
  });

  /** One user has both the store and the state. */
  const asOnALaptop = async () => {
    site.uid = root ? 1234 : process.getuid?.();
    const give = (folder: string) => {
      if (!root) return;
      for (const name of ['.', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })])
        chownSync(join(folder, name), 1234, 1234);
    };
    give(site.scratch.folder);
    await site.sealed();
    give(site.state);
  };

  test('a state that the writer of the store can write: used on a laptop, never before a start', async () => {
    await asOnALaptop();
    const laptop = await site.sealed();
    assert.ok(laptop.rules.includes('state-forgeable'));
    assert.deepEqual(Object.keys(laptop.proofs), ['seal']);
    const guarded = await site.sealed('--require-allow-list');
    assert.ok(guarded.rules.includes('state-forgeable'));
    assert.equal(guarded.proofs.seal, undefined);
    assert.equal(guarded.status, 0);
  });

  test('whoever has the state and could put another store in the place of this one could forge a seal', {
    skip: !root && 'needs root, to give files away',
  }, async () => {
    site.uid = 1234;
    await site.sealed();
    for (const name of ['.', ...readdirSync(site.state)]) chownSync(join(site.state, name), 1234, 1234);
    assert.deepEqual((await site.sealed('--require-allow-list')).rules, ['seal-used']);
    chownSync(site.scratch.folder, 1234, 1234);
    const guarded = await site.sealed('--require-allow-list');
    assert.ok(guarded.rules.includes('state-forgeable'));
    assert.equal(guarded.proofs.seal, undefined);
  });

  test('a seal that was forged is not sealed anew by the check that did not use it', async () => {
    await asOnALaptop();
    flipBit(weights, 0, 0);
    resealAsItIs(site);
    assert.equal((await site.sealed()).status, 0, 'forged');
    assert.equal((await site.sealed('--require-allow-list')).status, 1);
    const after = await site.sealed();
    assert.deepEqual([after.status, after.proofs.whole], [1, 1]);
  });

  test('a state directory that cannot be used costs a full check and no failure', async () => {
    writeFileSync(site.beside('no-directory'), '');
    const words = [
      'check',
      '--sealed',
      '--json',
      '--store',
      site.store,
      '--state',
      site.beside('no-directory'),
    ];
    const run = await site.run(...words);
    assert.equal(run.status, 0);
    assert.match(run.stdout, /seal-not-used/);
    chmodSync(site.store, 0o755);
  });

  test('nothing is kept inside the store, by whatever name it is called', async () => {
    symlinkSync(site.store, site.beside('link'));
    for (const state of [join(site.store, 'state'), join(site.beside('link'), 'blobs')]) {
      const run = await site.run('check', '--sealed', '--store', site.store, '--state', state);
      assert.equal(run.status, 0);
      assert.match(run.stdout, /every blob is hashed: cannot use the state directory .*inside the store/);
    }
    assert.deepEqual(readdirSync(site.store).sort(), ['blobs', 'manifests']);
    assert.deepEqual(
      readdirSync(site.scratch.at('blobs')).filter((name) => !/^sha256-/.test(name)),
      [],
    );
  });

  test('a check of named models takes from the seal and leaves it as it was', async () => {
    await site.sealed();
    const before = readFileSync(sealOf(site));
    assert.deepEqual(Object.keys((await site.sealed('llama3.2:1b')).proofs), ['seal']);
    assert.deepEqual(readFileSync(sealOf(site)), before);
  });

  test('is refused together with what limits a run', async () => {
    const run = await site.run('check', '--sealed', '--quick', '--store', site.store);
    assert.equal(run.status, 64);
    assert.match(run.stderr, /--sealed and --quick exclude each other/);
  });
});

function sealOf(site: SealedSite): string {
  const name = readdirSync(site.state).find((each) => /^seal-/.test(each));
  return join(site.state, name ?? 'none');
}
