import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { cutIntoVolumes, payloadStart, type VolumeHeader, volumeFileSize } from '../../src/archive/index.ts';
import { parseVolumeHead, volumeHead, volumeTail } from '../../src/archive/volume.ts';
import { digestOf } from '../fixtures/blob-directory.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { octalSize, rawHeader } from '../fixtures/raw-tar.ts';
import { refusedWith } from '../fixtures/refused-with.ts';

const archive = digestOf(Buffer.from('an index'));
const header: VolumeHeader = { archive, number: 2, count: 3, offset: 1000, length: 777, total: 2500 };

describe('volumes of an archive', () => {
  test('carry all of it, in parts that fit', () => {
    for (const [total, size] of [
      [1, 65_536],
      [200_000, 65_536],
      [10 ** 10, 4 * 10 ** 9],
      [61_952 * 4, 65_536],
    ] as const) {
      const volumes = cutIntoVolumes(archive, total, size);
      let at = 0;
      for (const [index, volume] of volumes.entries()) {
        assert.deepEqual([volume.number, volume.offset, volume.count], [index + 1, at, volumes.length]);
        assert.ok(volume.length > 0 && volumeFileSize(volume) <= size, `${volumeFileSize(volume)} bytes`);
        at += volume.length;
      }
      assert.equal(at, total);
    }
    assert.equal(cutIntoVolumes(archive, 61_952 * 4, 65_536).length, 4);
  });

  test('are neither too small nor too many', () => {
    assert.throws(
      () => cutIntoVolumes(archive, 1, 65_535),
      refusedWith('USAGE', 'a volume has 65536 bytes or more'),
    );
    assert.throws(
      () => cutIntoVolumes(archive, 10 ** 12, 65_536),
      refusedWith('USAGE', 'are more than 100000'),
    );
  });

  test('are tars that tar and sha256sum can verify', async () => {
    const payload = Buffer.from(patternedBytes(777));
    const sum = createHash('sha256').update(payload).digest();
    const bytes = Buffer.concat([await volumeHead(header), payload, await volumeTail(header, sum)]);
    assert.equal(bytes.length, volumeFileSize(header));
    assert.deepEqual(bytes.subarray(payloadStart, payloadStart + 777), payload);
    const folder = mkdtempSync(join(tmpdir(), 'vm-'));
    try {
      writeFileSync(join(folder, 'x.tar'), bytes);
      if (spawnSync('tar', ['-xf', 'x.tar'], { cwd: folder }).status !== 0) return;
      assert.deepEqual(readFileSync(join(folder, 'payload')), payload);
      const check = spawnSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: folder, encoding: 'utf8' });
      assert.match(check.stdout, /verify-models-volume\.json: OK\npayload: OK\n/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('are known by the exact bytes of their heads', async () => {
    const head = await volumeHead(header);
    assert.equal(head.length, payloadStart);
    assert.deepEqual(await parseVolumeHead(head), header);
    // Bits of the numbers and of the archive's id make another volume; every other bit makes none.
    const values = /[0-9a-f]{64}|\d+/g;
    const text = head.toString('latin1', 512, 1024);
    const free = [...text.matchAll(values)].map(({ index, 0: { length } }) => [
      512 + index,
      512 + index + length,
    ]);
    for (let at = 0; at < head.length; at += 1) {
      const altered = Buffer.from(head);
      altered[at] = (altered[at] ?? 0) ^ 0x80;
      assert.equal(await parseVolumeHead(altered), undefined, `byte ${at}`);
      if (free.some(([from = 0, to = 0]) => from <= at && at < to)) continue;
      altered[at] = (altered[at] ?? 0) ^ 0x81;
      assert.equal(await parseVolumeHead(altered), undefined, `byte ${at}`);
    }
  });

  test('have numbers that can be', async () => {
    for (const change of [
      { number: 0 },
      { number: 4 },
      { count: 0 },
      { count: 100_001, number: 1 },
      { offset: -1 },
      { offset: 2000 },
      { length: 1501 },
      { total: 1 },
      { total: 2 ** 53 },
      { archive: `sha256:${'A'.repeat(64)}` as VolumeHeader['archive'] },
    ])
      assert.equal(
        await parseVolumeHead(await volumeHead({ ...header, ...change })),
        undefined,
        JSON.stringify(change),
      );
    assert.equal(await parseVolumeHead(Buffer.alloc(payloadStart)), undefined);
    assert.equal(await parseVolumeHead((await volumeHead(header)).subarray(0, 1000)), undefined);
    const spaced = Buffer.from(
      `{"schema": "urn:verify-models:volume:v1","archive":"${archive}","number":1,"count":1,"offset":0,"length":1,"total":1}\n`,
    );
    const other = Buffer.concat([
      rawHeader({ name: 'verify-models-volume.json', size: octalSize(spaced.length) }),
      ...[spaced, Buffer.alloc(512 - spaced.length), rawHeader({ name: 'payload', size: octalSize(1) })],
    ]);
    assert.equal(await parseVolumeHead(other), undefined);
  });
});
