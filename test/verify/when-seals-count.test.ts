import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { flipBit } from '../fixtures/damage.ts';
import { newMountInfo } from '../fixtures/fake-io.ts';
import { resealAsItIs } from '../fixtures/reseal.ts';
import { sampleLayers, writeBlob } from '../fixtures/sample-store.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';

suite('whether a seal counts', () => {
  let site: SealedSite;
  let weights: string;
  beforeEach(async () => {
    site = new SealedSite();
    weights = site.scratch.addModel('registry.ollama.ai/library/llama3.2:1b').blob('model');
    site.scratch.addModel('registry.ollama.ai/library/qwen:4b', sampleLayers('Be brief.'));
    await site.approve();
  });
  afterEach(() => site.remove());

  test('an older seal that was put back proves nothing of what has moved since', async () => {
    await site.sealed();
    const before = readFileSync(sealOf(site));
    copyFileSync(weights, `${site.scratch.folder}/copy`);
    renameSync(`${site.scratch.folder}/copy`, weights);
    const added = site.scratch.blob(writeBlob(site.store, Buffer.from('new since')));
    assert.equal((await site.sealed()).proofs.whole, 2);
    writeFileSync(sealOf(site), before);
    assert.equal((await site.sealed()).proofs.whole, 2, 'the file that moved, and the new one');
    writeFileSync(sealOf(site), before);
    flipBit(weights, 0, 0);
    flipBit(added, 0, 0);
    const after = await site.sealed();
    assert.deepEqual([after.status, after.proofs.whole], [1, 2]);
  });

  test('a store that was restored from a backup, times and all, is hashed anew', async () => {
    await site.sealed();
    const restored = site.beside('restored');
    cpSync(site.store, restored, { recursive: true, preserveTimestamps: true });
    rmSync(site.store, { recursive: true });
    renameSync(restored, site.store);
    const { status, proofs } = await site.sealed();
    assert.deepEqual([status, Object.keys(proofs)], [0, ['whole']]);
    assert.deepEqual(Object.keys((await site.sealed()).proofs), ['seal']);
  });

  const oddities: readonly (readonly [string, (to: SealedSite) => void, RegExp])[] = [
    [
      'the clock was set back',
      (to) => {
        to.day -= 1;
      },
      /clock was set back/,
    ],
    [
      'another device within one boot',
      (to) => void resealAsItIs(to, { device: '4711' }),
      /another device is mounted there than the sealed one/,
    ],
    [
      'another volume after a boot',
      (to) => {
        to.host = { ...to.host, bootId: 'boot-2', mountInfo: newMountInfo('ext4', '/dev/vdb') };
      },
      /another volume/,
    ],
    [
      'tmpfs',
      (to) => {
        to.host = { ...to.host, mountInfo: newMountInfo('tmpfs') };
      },
      /leaves no trace/,
    ],
    [
      'the key of another machine',
      (to) => writeFileSync(join(to.state, 'seal.key'), `${'ab'.repeat(32)}\n`),
      /not made with the key/,
    ],
    ['a key that is none', (to) => writeFileSync(join(to.state, 'seal.key'), 'nonsense'), /no key of a seal/],
    ['an altered seal', (to) => flipBit(sealOf(to), 0, 0), /was altered/],
    [
      'a truncated seal',
      (to) => writeFileSync(sealOf(to), readFileSync(sealOf(to)).subarray(0, 100)),
      /was altered/,
    ],
    ['an empty seal', (to) => writeFileSync(sealOf(to), ''), /was altered/],
    [
      'a link in the place of the seal',
      (to) => {
        const seal = sealOf(to);
        renameSync(seal, to.beside('moved'));
        symlinkSync(to.beside('moved'), seal);
      },
      /cannot use/,
    ],
  ];
  for (const [name, change, why] of oddities) {
    test(`${name}: a full check, and the reason`, async () => {
      await site.sealed();
      change(site);
      const { status, proofs, said } = await site.sealed('--allow-expired');
      assert.equal(proofs.seal, undefined);
      assert.match(said, why);
      // The list remembers the time by itself: a clock set back refuses it.
      if (name !== 'the clock was set back') assert.equal(status, 0);
    });
  }

  test('the same volume after a boot counts, whatever its device number was', async () => {
    await site.sealed();
    // Everything is as it was sealed, but under another number.
    resealAsItIs(site, { device: '4711' });
    site.host = { ...site.host, bootId: 'boot-2' };
    assert.deepEqual(Object.keys((await site.sealed()).proofs), ['seal']);
    flipBit(weights, 0, 0);
    assert.equal((await site.sealed()).status, 1);
  });

  test('a key on the volume that it seals is refused; one elsewhere is used', async (t) => {
    const volume = `23 22 8:1 / ${site.scratch.folder} rw - ext4 /dev/sdb1 rw\n`;
    site.host = { ...site.host, mountInfo: newMountInfo('ext4') + volume };
    assert.match((await site.sealed()).said, /would lie on the volume that it seals/);
    const elsewhere = mkdtempSync(join(tmpdir(), 'vm-'));
    t.after(() => rmSync(elsewhere, { recursive: true }));
    const key = join(elsewhere, 'key');
    writeFileSync(key, 'a secret of this site, mounted');
    await site.sealed('--seal-key', key);
    assert.deepEqual(Object.keys((await site.sealed('--seal-key', key)).proofs), ['seal']);
  });

  test('a key on that volume is refused by whatever way it is named: a link, or another mount of it', async (t) => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'vm-'));
    t.after(() => rmSync(elsewhere, { recursive: true }));
    const own = `23 22 8:1 / ${site.scratch.folder} rw - ext4 /dev/sdb1 rw\n`;
    const [link, second] = [join(elsewhere, 'link'), join(elsewhere, 'second')];
    writeFileSync(site.beside('key'), 'a secret of this site, mounted');
    symlinkSync(site.beside('key'), link);
    writeFileSync(second, 'a secret of this site, mounted');
    site.host = { ...site.host, mountInfo: newMountInfo('ext4') + own };
    assert.match((await site.sealed('--seal-key', link)).said, /would lie on the volume that it seals/);
    const again = `24 22 8:1 /keys ${elsewhere} rw - ext4 /dev/sdb1 rw\n`;
    site.host = { ...site.host, mountInfo: newMountInfo('ext4') + own + again };
    assert.match((await site.sealed('--seal-key', second)).said, /would lie on the volume that it seals/);
  });

  test('a key of the site that cannot be used costs a full check, and is what the reason names', async () => {
    await site.sealed();
    const [key, short] = [site.beside('key'), site.beside('short')];
    writeFileSync(key, 'a secret of this site, mounted');
    chmodSync(key, 0o666);
    writeFileSync(short, 'short');
    for (const [file, why] of [
      [site.beside('absent'), 'ENOENT: no such file or directory'],
      [site.store, 'it is no file of 16 to 4096 bytes'],
      [short, 'it is no file of 16 to 4096 bytes'],
      [key, 'every user of this machine can write it'],
    ] as const) {
      const { status, proofs, said } = await site.sealed('--seal-key', file);
      assert.deepEqual([status, proofs.seal], [0, undefined]);
      assert.equal(said, `every blob is hashed: cannot use the key of the seal ${file}: ${why}`);
    }
  });

  test('a store on an overlay is sealed where its upper directory shows writes', async (t) => {
    const upper = mkdtempSync(join(tmpdir(), 'vm-'));
    t.after(() => rmSync(upper, { recursive: true }));
    const over = (path: string, type: string) => {
      const overlay = `23 22 0:50 / ${site.store} rw - overlay overlay rw,upperdir=${path}\n`;
      site.host = { ...site.host, mountInfo: newMountInfo(type) + overlay };
    };
    over(upper, 'ext4');
    assert.match((await site.sealed()).said, /there is no seal of this store yet/);
    assert.deepEqual(Object.keys((await site.sealed()).proofs), ['seal']);
    over(upper, 'tmpfs');
    assert.match((await site.sealed()).said, /on an overlay over tmpfs a write .* leaves no trace/);
    // A path of the machine that a container is in.
    over('/nonexistent/overlay2/diff', 'ext4');
    assert.match((await site.sealed()).said, /on an overlay over what cannot be seen a write/);
  });
});

function sealOf(site: SealedSite): string {
  const name = readdirSync(site.state).find((each) => /^seal-/.test(each));
  return join(site.state, name ?? 'none');
}
