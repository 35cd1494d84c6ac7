import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { bytesOf } from '../../fixtures/archive-bytes.ts';
import { carriedModel } from '../../fixtures/archive-site.ts';
import { GapSite } from '../../fixtures/gap-site.ts';
import { newIo, runMainWith } from '../../fixtures/run-main.ts';
import { treeState } from '../../fixtures/tree-state.ts';

describe('verify-models install', () => {
  let site: GapSite;
  beforeEach(async () => {
    site = await GapSite.make();
    writeFileSync(site.archive, await bytesOf(await site.plan()));
  });
  afterEach(() => site[Symbol.dispose]());

  const there = () => treeState(join(site.folder, 'there'));
  const check = () => {
    const { store, list, state } = site.there;
    const by = ['--allow-list', list, '--key', site.key, '--state', state, '--jobs', '1'];
    return runMainWith(newIo(), ['check', '--store', store, ...by]);
  };

  test('puts models under their own names, and the same check that accepts the list is green', async () => {
    const { stdout } = await GapSite.must(site.install(site.archive));
    assert.match(
      stdout,
      /^archive {3}\w{12} {3}its index is not signed: .*\ninstalled first:latest {3}\w{12} {3}90\.1 kB\ninstalled second:1b {3}\w{12} {3}70\.1 kB\nlist {6}models version 1 taken, approved by \S+signer\.pub, until 2027-02-01\n/,
    );
    assert.match(stdout, /2 installed, 0 here already, 0 refused; 160 kB taken\nexit status 0/);
    const { status, stdout: report } = await check();
    assert.equal(status, 0, report);
    assert.equal(
      statSync(join(site.there.store, 'blobs', readdirSync(join(site.there.store, 'blobs'))[0] ?? '')).mode &
        0o777,
      0o644,
    );
    const again = await GapSite.must(site.install(site.archive));
    assert.match(again.stdout, /0 installed, 2 here already, 0 refused; 0 B taken/);
  });

  test('a dry run says what would be done, and writes nothing anywhere', async () => {
    const before = there();
    const { stdout } = await GapSite.must(site.install('--dry-run', site.archive));
    assert.match(
      stdout,
      /would install first:latest[\s\S]*2 would be installed, 0 here already, 0 refused; 160 kB would be taken\n/,
    );
    assert.ok(stdout.includes(`\nnext: verify-models install ${site.archive} --allow-list `), stdout);
    assert.deepEqual(there(), before);
    await GapSite.must(site.install(site.archive));
    const installed = there();
    const again = await GapSite.must(site.install('--dry-run', site.archive));
    assert.match(again.stdout, /0 would be installed, 2 here already/);
    assert.deepEqual(there(), installed);
  });

  test('a dry run of an archive without a list, by the list that is here', async () => {
    writeFileSync(site.archive, await bytesOf(await site.plan({ list: 'none' })));
    site.putList(site.there.list);
    const before = there();
    const { stdout } = await GapSite.must(site.install('--dry-run', site.archive));
    assert.match(stdout, /2 would be installed/);
    assert.deepEqual(there(), before);
  });

  test('what cannot be called so on Windows is refused before anything is written', async () => {
    const odd = carriedModel('mirror.corp:5000/library/con:latest', { model: Buffer.from('weights') });
    using other = await GapSite.make({ models: [odd, ...site.models] });
    writeFileSync(other.archive, await bytesOf(await other.plan()));
    const io = newIo();
    io.platform = 'win32';
    const { store, list, state } = other.there;
    const words = [
      'install',
      '--store',
      store,
      '--state',
      state,
      '--jobs',
      '1',
      '--allow-list',
      list,
      '--key',
      other.key,
    ];
    const { status, stdout, stderr } = await runMainWith(io, [...words, other.archive]);
    assert.equal(status, 4, stderr);
    assert.match(
      stdout,
      /refused {3}mirror\.corp:5000\/library\/con:latest {3}.* cannot be stored on this machine: mirror\.corp:5000 has a colon/,
    );
    assert.deepEqual(readdirSync(join(store, 'manifests')), ['registry.ollama.ai']);
  });

  test('without a list, or with a format, it is told what is missing', async () => {
    const { store } = site.there;
    for (const [more, words] of [
      [[], /install needs an allow-list: .* or --policy observe/],
      [['--json', '--policy', 'observe'], /--json|format/],
    ] as const) {
      const { status, stderr } = await runMainWith(newIo(), [
        'install',
        '--store',
        store,
        site.archive,
        ...more,
      ]);
      assert.equal(status, 64);
      assert.match(stderr, words);
    }
    assert.deepEqual(readdirSync(store), []);
  });

  test('as root, a store of another user is written as that user', {
    skip: process.getuid?.() !== 0,
  }, async () => {
    chmodSync(site.folder, 0o755);
    // The directory above it is root's: state and list lie there, and root keeps none below somebody else's.
    chownSync(site.there.store, 4321, 4321);
    const { io } = await GapSite.must(site.install(site.archive));
    // The program can be read, room and blobs are looked at, blobs received, old ones held, and each model is placed and
    // looked at, as the owner.
    assert.deepEqual(
      io.acted,
      Array.from({ length: 7 }, () => ({ uid: 4321, gid: 4321 })),
    );
  });

  test('as another user than the owner, and in a store that others can change', {
    skip: process.getuid?.() !== 0,
  }, async () => {
    const run = async (uid: number) => {
      const { store, list, state } = site.there;
      const words = [
        'install',
        '--store',
        store,
        '--state',
        state,
        '--allow-list',
        list,
        '--key',
        site.key,
        site.archive,
      ];
      return runMainWith(newIo({ uid }), words);
    };
    const before = there();
    const stranger = await run(1234);
    assert.match(stranger.stderr, /nothing was changed: \S+ belongs to user 0, and this is user 1234/);
    assert.deepEqual(there(), before);
    chmodSync(site.there.store, 0o777);
    const open = await run(0);
    assert.match(open.stderr, /can be changed by other users, and root does not write there/);
    assert.deepEqual(
      [stranger.status, open.status].map((status) => status !== 0),
      [true, true],
    );
  });

  test('a link in the place of a blob is an obstacle, and nothing is written behind it', async () => {
    const { store } = site.there;
    const victim = join(site.folder, 'victim');
    writeFileSync(victim, 'precious');
    mkdirSync(join(store, 'blobs'));
    const [digest = ''] = [...(site.models[0]?.blobs.keys() ?? [])];
    symlinkSync(victim, join(store, 'blobs', digest.replace(':', '-')));
    const before = treeState(store);
    const { status, stderr } = await site.install(site.archive);
    assert.equal(status, 4);
    assert.match(stderr, /cannot be put into the store now: it is a link/);
    assert.deepEqual(treeState(store), before);
    rmSync(join(store, 'blobs', digest.replace(':', '-')));
    await GapSite.must(site.install(site.archive));
  });
});
