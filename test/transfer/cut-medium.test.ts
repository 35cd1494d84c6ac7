import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gather, Incoming, type WholeArchive } from '../../src/archive/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { HashPool } from '../../src/hash/index.ts';
import { bytesOf, MemorySource, never } from '../fixtures/archive-bytes.ts';
import { ArchiveSite, carriedModel } from '../fixtures/archive-site.ts';
import { volumesOf } from '../fixtures/archive-volumes.ts';
import { eachTurn } from '../fixtures/in-flight.ts';
import { lockEffects } from '../fixtures/lock-effects.ts';
import { ReceivingSide } from '../fixtures/receiving-side.ts';
import { ReceivingStore } from '../fixtures/receiving-store.ts';
import { inMemory } from '../fixtures/scratch-store.ts';
import { SeededRandom } from '../fixtures/seeded-random.ts';
import { TestSigner } from '../fixtures/signed-list.ts';

/** Together with those of the writer (350) and of the reader (350): a thousand cuts. */
const cuts = { file: 100, volumes: 100, install: 100 } as const;
const seed = 27_182_818;

const damages = ['cut off', 'flipped', 'zeroed'] as const;

/** The bytes of a medium with one fault, which changes something. */
function damaged(
  right: Buffer,
  random: SeededRandom,
  turn: number,
): { readonly bytes: Buffer; readonly why: string } {
  const what = damages[turn % damages.length] ?? 'flipped';
  const at = random.below(right.length);
  const bytes = Buffer.from(right);
  if (what === 'cut off') return { bytes: bytes.subarray(0, at), why: `cut off after ${at} bytes` };
  if (what === 'zeroed') {
    const block = Math.floor(at / 512) * 512;
    bytes.fill(0, block, block + 512);
    if (!bytes.equals(right)) return { bytes, why: `the block at ${block} is zeros` };
  }
  const bit = random.below(8);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
  return { bytes, why: `bit ${bit} of byte ${at} is another one` };
}

/** What came before: nothing of it but its config is in the archive that follows. */
const earlier = carriedModel('registry.ollama.ai/library/earlier:latest', {
  model: Buffer.from('old weights'),
});

const aboutTheMedium = (error: unknown): boolean =>
  error instanceof KnownError &&
  /^(?:ARCHIVE_(?:TRUNCATED|ALTERED|MALFORMED|UNKNOWN)|VOLUME_DAMAGED)$/.test(error.code);

describe('a medium with a fault', () => {
  const folder = mkdtempSync(join(inMemory(), 'vm-'));
  const signer = TestSigner.same('alice');
  const pool = new HashPool({ threads: 1, maxRate: undefined });
  let older: ArchiveSite;
  let site: ArchiveSite;
  let first: Buffer;
  let whole: Buffer;
  let volumes: readonly Buffer[];
  before(async () => {
    older = new ArchiveSite({ models: [earlier] }, signer);
    site = new ArchiveSite({ version: 2 }, signer);
    first = await bytesOf(await older.plan());
    const plan = await site.plan();
    whole = await bytesOf(plan);
    volumes = await volumesOf(plan, 64 * 1024);
  });
  after(async () => {
    await pool.close();
    for (const one of [older, site]) one[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A medium with these files. @returns its directory */
  function medium(turn: number, files: readonly Buffer[]): string {
    const path = join(folder, `medium-${turn}`);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
    for (const [at, bytes] of files.entries()) writeFileSync(join(path, `models.00${at + 1}.tar`), bytes);
    return path;
  }

  async function read<T>(
    path: string,
    side: { readonly folder: string },
    use: (archive: WholeArchive) => Promise<T>,
  ) {
    const incoming = new Incoming(join(side.folder, 'incoming'), lockEffects);
    const stdin = async function* () {};
    const [found] = await gather([path], {
      incoming,
      keeping: true,
      stdin,
      signal: never,
      progressed: () => {},
    });
    assert.equal(found?.kind, 'whole');
    try {
      return await use(found);
    } finally {
      await found.source.close();
    }
  }

  /** A mirror that took an archive before. */
  async function newSide(): Promise<ReceivingSide> {
    const side = new ReceivingSide(signer);
    await side.import(new MemorySource(first));
    return side;
  }

  async function imported(side: ReceivingSide, path: string): Promise<void> {
    await read(path, side, ({ source }) => side.import(source));
  }

  for (const [kind, count, files] of [
    ['one file', cuts.file, () => [whole]],
    ['volumes', cuts.volumes, () => volumes],
  ] as const)
    test(`${count} faults of ${kind}: the mirror stays as it was, and the good medium is taken`, async () => {
      using uncut = await newSide();
      const good = medium(-1, files());
      await imported(uncut, good);
      assert.equal(uncut.end.models.length, 3);
      await eachTurn(count, async (turn) => {
        const random = new SeededRandom(seed + turn);
        const right = files();
        const number = random.below(right.length);
        const { bytes, why } = damaged(right[number] ?? Buffer.alloc(0), random, turn);
        const told = `seed ${seed + turn}, file ${number + 1}: ${why}`;
        const bad = medium(turn, right.with(number, bytes));
        using side = await newSide();
        const before = side.visible;
        const failure = await imported(side, bad).then(
          () => undefined,
          (error: unknown) => error,
        );
        // The sums behind the payload of a volume are asked only where others are missing.
        if (failure === undefined && kind === 'volumes') assert.deepEqual(side.end, uncut.end, told);
        else {
          assert.ok(aboutTheMedium(failure), `${told}: ${failure}`);
          assert.deepEqual(side.visible, before, told);
          await imported(side, good);
        }
        assert.deepEqual(side.end, uncut.end, told);
      });
    });

  test(`${cuts.install} faults on the way into a store: it stays as it was, and the good medium is installed`, async () => {
    using uncut = new ReceivingStore(signer, pool);
    await uncut.install(new MemorySource(first));
    await uncut.install(new MemorySource(whole));
    await eachTurn(cuts.install, async (turn) => {
      const { bytes, why } = damaged(whole, new SeededRandom(seed + 5000 + turn), turn);
      const told = `seed ${seed + 5000 + turn}: ${why}`;
      using store = new ReceivingStore(signer, pool);
      await store.install(new MemorySource(first));
      const before = store.visible;
      await assert.rejects(store.install(new MemorySource(bytes)), aboutTheMedium, told);
      assert.deepEqual(store.visible, before, told);
      await store.install(new MemorySource(whole));
      assert.deepEqual(store.visible, uncut.visible, told);
    });
  });
});
