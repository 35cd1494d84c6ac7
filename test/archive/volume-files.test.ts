import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { cutIntoVolumes, VolumeFiles, type VolumeHeader, writeArchive } from '../../src/archive/index.ts';
import type { ExportPlan } from '../../src/transfer/index.ts';
import { never } from '../fixtures/archive-bytes.ts';
import { ArchiveSite } from '../fixtures/archive-site.ts';
import { volumesOf } from '../fixtures/archive-volumes.ts';
import { digestOf } from '../fixtures/blob-directory.ts';
import { lockEffects } from '../fixtures/lock-effects.ts';
import { inMemory } from '../fixtures/scratch-store.ts';

describe('the volumes of an archive', () => {
  const folder = mkdtempSync(join(inMemory(), 'vm-'));
  let site: ArchiveSite;
  let plan: ExportPlan;
  let headers: readonly VolumeHeader[];
  let right: readonly Buffer[];
  before(async () => {
    site = new ArchiveSite();
    plan = await site.plan();
    headers = cutIntoVolumes(plan.id, plan.total, 64 * 1024);
    right = await volumesOf(plan, 64 * 1024);
  });
  after(() => {
    site[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
  });

  async function write(...numbers: number[]): Promise<VolumeFiles> {
    const files = new VolumeFiles(
      headers,
      (number) => join(folder, `${number}.tar`),
      new Set(numbers),
      lockEffects,
    );
    await writeArchive(plan, files, { signal: never, progressed: () => {} });
    await files.close();
    return files;
  }

  test('are those of the whole set, whichever of them are written', async () => {
    for (const numbers of [[1, 2, 3], [2], [3, 1]]) {
      const { written } = await write(...numbers);
      assert.deepEqual(
        written.map(({ number }) => number),
        numbers.toSorted(),
      );
      for (const { number, path, payload } of written) {
        const bytes = readFileSync(path);
        assert.ok(bytes.equals(right[number - 1] ?? Buffer.alloc(0)));
        const { length } = headers[number - 1] ?? { length: 0 };
        assert.equal(payload, digestOf(bytes.subarray(1536, 1536 + length)));
      }
      assert.deepEqual(
        readdirSync(folder).sort(),
        numbers.toSorted().map((number) => `${number}.tar`),
      );
      for (const name of readdirSync(folder)) rmSync(join(folder, name));
    }
  });

  test('say which bytes of the archive they want', () => {
    const files = new VolumeFiles(headers, String, new Set([2]), lockEffects);
    const { offset = 0, length = 0 } = headers[1] ?? {};
    assert.deepEqual(
      [
        files.wants(0, offset),
        files.wants(0, offset + 1),
        files.wants(offset + length - 1, offset + length + 5),
        files.wants(offset + length, plan.total),
      ],
      [false, true, true, false],
    );
  });

  test('neither more nor fewer bytes than were announced', async () => {
    const files = new VolumeFiles(headers, String, new Set(), lockEffects);
    await assert.rejects(files.finish(), /there are fewer bytes than were announced/);
    await assert.rejects(
      files.write(Buffer.alloc(plan.total + 1)),
      /there are more bytes than were announced/,
    );
  });
});
