import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  type ArchiveSink,
  cutIntoVolumes,
  VolumeFiles,
  type VolumeHeader,
  WholeFile,
  writeArchive,
} from '../../src/archive/index.ts';
import type { ExportPlan } from '../../src/transfer/index.ts';
import { bytesOf, never } from '../fixtures/archive-bytes.ts';
import { ArchiveSite } from '../fixtures/archive-site.ts';
import { lockEffects } from '../fixtures/lock-effects.ts';
import { inMemory } from '../fixtures/scratch-store.ts';
import { SeededRandom } from '../fixtures/seeded-random.ts';

/** Together with those of the reader (350) and of the medium (300): a thousand cuts. */
const cuts = { file: 200, volumes: 150 } as const;
const seed = 20_260_901;

/** Hands on so many bytes, and then does what a full disk or a lost process does. */
class CutSink implements ArchiveSink {
  readonly #sink: ArchiveSink;
  #left: number;

  constructor(sink: ArchiveSink, bytes: number) {
    this.#sink = sink;
    this.#left = bytes;
  }

  wants(start: number, end: number): boolean {
    return this.#sink.wants(start, end);
  }

  async write(bytes: Uint8Array): Promise<void> {
    const part = bytes.subarray(0, this.#left);
    this.#left -= part.length;
    if (part.length > 0) await this.#sink.write(part);
    if (part.length < bytes.length) throw new Error('cut here');
  }

  finish(): Promise<void> {
    throw new Error('it was not cut');
  }

  close(): Promise<void> {
    return this.#sink.close();
  }
}

describe('a writer that is cut', () => {
  const folder = mkdtempSync(join(inMemory(), 'vm-'));
  let site: ArchiveSite;
  let plan: ExportPlan;
  let whole: Buffer;
  let volumes: readonly VolumeHeader[];
  before(async () => {
    site = new ArchiveSite();
    plan = await site.plan();
    whole = await bytesOf(plan);
    volumes = cutIntoVolumes(plan.id, plan.total, 64 * 1024);
  });
  after(() => {
    site[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const pathOf = (number: number) => join(folder, `models.${number}.tar`);
  const openVolumes = () =>
    new VolumeFiles(volumes, pathOf, new Set(volumes.map(({ number }) => number)), lockEffects);

  async function write(sink: ArchiveSink, signal = never, progressed = (_: number) => {}): Promise<void> {
    try {
      await writeArchive(plan, sink, { signal, progressed });
    } finally {
      await sink.close();
    }
  }

  /** Cuts one run after so many bytes: by a signal, or by what the sink says. */
  async function cut(open: () => ArchiveSink, at: number, bySignal: boolean): Promise<void> {
    if (!bySignal) {
      await assert.rejects(write(new CutSink(open(), at)), /^Error: cut here$/);
      return;
    }
    const stop = new AbortController();
    const running = write(open(), stop.signal, (bytes) => {
      if (bytes > at) stop.abort(new Error('stopped'));
    });
    await assert.rejects(running, /^Error: stopped$/);
  }

  /** What a lost power leaves: the end of a file is zeros, or is not there. */
  function loseEnd(path: string, random: SeededRandom): void {
    const { size } = statSync(path);
    const lost = random.below(size + 1);
    const fd = openSync(path, 'r+');
    writeSync(fd, Buffer.alloc(lost), 0, lost, size - lost);
    closeSync(fd);
  }

  test(`${cuts.file} times in one file: the same words again make the same archive`, async () => {
    const path = join(folder, 'models.tar');
    for (let turn = 0; turn < cuts.file; turn += 1) {
      const random = new SeededRandom(seed + turn);
      const at = random.below(whole.length - 2048);
      await cut(() => new WholeFile(path, lockEffects), at, turn % 3 === 0);
      assert.equal(existsSync(path), false, `seed ${seed + turn}: it has its name already`);
      if (turn % 3 === 1 && existsSync(`${path}.partial`)) loseEnd(`${path}.partial`, random);
      await write(new WholeFile(path, lockEffects));
      assert.ok(readFileSync(path).equals(whole), `seed ${seed + turn}: another archive`);
      assert.deepEqual(readdirSync(folder), ['models.tar']);
      rmSync(path);
    }
  });

  test(`${cuts.volumes} times in volumes: each of them becomes what it would have been`, async () => {
    await write(openVolumes());
    const names = readdirSync(folder);
    assert.equal(names.length, volumes.length);
    const right = new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
    for (let turn = 0; turn < cuts.volumes; turn += 1) {
      for (const name of readdirSync(folder)) rmSync(join(folder, name));
      const random = new SeededRandom(seed + 1000 + turn);
      const at = random.below(whole.length - 2048);
      await cut(openVolumes, at, turn % 3 === 0);
      for (const name of readdirSync(folder)) {
        if (name.endsWith('.partial')) {
          if (turn % 3 === 1) loseEnd(join(folder, name), random);
        } else
          assert.ok(
            right.get(name)?.equals(readFileSync(join(folder, name))),
            `seed ${seed + 1000 + turn}: ${name} has its name too soon`,
          );
      }
      await write(openVolumes());
      for (const [name, bytes] of right)
        assert.ok(readFileSync(join(folder, name)).equals(bytes), `seed ${seed + 1000 + turn}: ${name}`);
      assert.deepEqual(readdirSync(folder).sort(), [...right.keys()].sort());
    }
  });
});
