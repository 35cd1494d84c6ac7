import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { ExportPlan } from '../../../src/transfer/index.ts';
import { bytesOf } from '../../fixtures/archive-bytes.ts';
import { volumesOf } from '../../fixtures/archive-volumes.ts';
import { flipBit } from '../../fixtures/damage.ts';
import { GapSite } from '../../fixtures/gap-site.ts';
import { emptySettings, type MainRun, newIo } from '../../fixtures/run-main.ts';
import { SeededRandom } from '../../fixtures/seeded-random.ts';
import { treeState } from '../../fixtures/tree-state.ts';

const small = 64 * 1024;

describe('an archive in volumes', () => {
  let site: GapSite;
  let plan: ExportPlan;
  let volumes: readonly Buffer[];
  let hex: string;
  beforeEach(async () => {
    site = await GapSite.make();
    plan = await site.plan();
    volumes = await volumesOf(plan, small);
    hex = plan.id.slice('sha256:'.length);
  });
  afterEach(() => site[Symbol.dispose]());

  /** Puts volumes on the medium. @returns their paths */
  const put = (...numbers: readonly number[]) =>
    numbers.map((number) => {
      const path = join(site.medium, `models.00${number}.tar`);
      writeFileSync(path, volumes[number - 1] ?? '');
      return path;
    });
  const piped = (...numbers: readonly number[]) => {
    const bytes = Buffer.concat(numbers.map((number) => volumes[number - 1] ?? Buffer.alloc(0)));
    site.stdin = async function* () {
      for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
    };
  };
  const waiting = (root = site.there.data) => {
    const path = join(root, 'incoming', `${hex}.3`);
    return existsSync(path) ? readdirSync(path).sort() : [];
  };
  const isTaken = (run: MainRun) => {
    assert.equal(run.status, 0, run.stderr + run.stdout);
    assert.match(run.stdout, /2 imported, 0 here already, 0 refused; 4 blobs taken/);
    assert.deepEqual(waiting(), []);
  };

  test('in any order over several runs: kept until all are here, with a report to carry back', async () => {
    const [third = ''] = put(3);
    const first = await site.import(third);
    assert.equal(first.status, 8);
    assert.match(
      first.stdout,
      /^kept {6}volumes 3 of 3 of the archive [0-9a-f]{12}; their medium can be taken out\nmissing {3}1-2\nreport {4}\S+\.missing\.txt\nexit status 8 = 8 missing\nnext: model-mirror import DIR .*--volumes 1-2\)\n$/,
    );
    const report = readFileSync(join(site.there.data, 'transfers', `${hex}.missing.txt`), 'utf8');
    assert.match(report, /^VOLUMES THAT DID NOT ARRIVE\n[\s\S]*missing {3}1-2\n/);
    rmSync(third);
    const second = await site.import(...put(1));
    assert.equal(second.status, 8);
    assert.match(second.stdout, /kept {6}volumes 1,3 of 3 [\s\S]*missing {3}2\n/);
    assert.deepEqual(waiting(), ['1.tar', '3.tar']);
    isTaken(await site.import(...put(2)));
  });

  test('in twenty random orders, one a run, from files and pipes', async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      rmSync(join(site.folder, 'there'), { recursive: true });
      const order = new SeededRandom(seed).shuffled([1, 2, 3, 2]);
      const all = new Set<number>();
      for (const [at, number] of order.entries()) {
        if (all.size === 3) break;
        all.add(number);
        piped(number);
        const words = (at + seed) % 2 === 0 ? put(number) : ['-'];
        const run = await site.import(...words);
        if (all.size === 3) isTaken(run);
        else assert.equal(run.status, 8, `seed ${seed}: ${run.stderr}`);
      }
    }
  });

  test('through one pipe, in any order, into a mirror and into a store', async () => {
    piped(3, 1, 2);
    isTaken(await site.import('-'));
    assert.equal((await site.install('-')).status, 0);
    piped(2, 3);
    const run = await site.install('-', '--dry-run');
    assert.equal(run.status, 64);
    assert.match(run.stderr, /volumes that come through a pipe would have to be kept/);
  });

  test('the whole archive through a pipe', async () => {
    const bytes = await bytesOf(plan);
    site.stdin = async function* () {
      for (let at = 0; at < bytes.length; at += 7001) yield bytes.subarray(at, at + 7001);
    };
    isTaken(await site.import('-'));
    assert.equal((await site.install('-')).status, 0);
    assert.equal((await site.import('-', site.archive)).status, 64);
  });

  test('a volume twice is once', async () => {
    const paths = put(1, 2, 3);
    isTaken(await site.import(...paths, ...paths));
  });

  test('a directory with volumes, and what is no archive beside them', async () => {
    put(2, 1, 3);
    writeFileSync(join(site.medium, 'notes.txt'), 'hello');
    mkdirSync(join(site.medium, 'unpacked.tar'));
    isTaken(await site.import(site.medium));
  });

  test('a truncated last volume is told, and nothing of it is kept', async () => {
    const paths = put(1, 2, 3);
    truncateSync(paths[2] ?? '', 1000);
    const before = await site.mirrorThere();
    for (const run of [await site.import(...paths), await site.install(...paths)]) {
      assert.equal(run.status, 1);
      assert.match(run.stderr, /is damaged: (?:the head of|\S+ has 1000 bytes, and not)/);
    }
    truncateSync(put(3)[0] ?? '', 30_000);
    const { status, stderr } = await site.import(...paths);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /volume 3 of 3 is damaged: \S+models\.003\.tar has 30000 bytes, and not \d+; to be brought: 3 .*\n.*--volumes 3\n/s,
    );
    assert.deepEqual(await site.mirrorThere(), before);
    isTaken(await site.import(...put(1, 2, 3)));
  });

  test('volumes of two archives, and of one archive in two cuts', async () => {
    const other = await volumesOf(await site.plan({ models: site.models.slice(0, 1) }), small);
    const [first = '', second = ''] = put(1, 2);
    const foreign = join(site.medium, 'other.002.tar');
    writeFileSync(foreign, other[1] ?? '');
    const before = await site.mirrorThere();
    for (const run of [await site.import(first, foreign), await site.install(first, foreign)]) {
      assert.equal(run.status, 64);
      assert.match(
        run.stderr,
        /these are parts of 2 archives: \w{12} \(volumes 1 of 3\); \w{12} \(volumes 2 of 2\)/,
      );
    }
    piped(1);
    const bytes = Buffer.concat([volumes[0] ?? '', other[1] ?? ''] as Buffer[]);
    site.stdin = async function* () {
      yield bytes;
    };
    assert.equal((await site.import('-')).status, 64);
    rmSync(join(site.there.data, 'incoming'), { recursive: true });
    const coarse = await volumesOf(plan, 100 * 1024);
    writeFileSync(second, coarse[1] ?? '');
    const mixed = await site.import(first, second);
    assert.equal(mixed.status, 64);
    assert.match(mixed.stderr, /\w{12} \(volumes 1 of 3\); \w{12} \(volumes 2 of 2\)/);
    const finer = await volumesOf(plan, 66 * 1024);
    writeFileSync(second, finer[1] ?? '');
    const sameCount = await site.import(first, second, ...put(3));
    assert.equal(sameCount.status, 64);
    assert.match(
      sameCount.stderr,
      /models\.002\.tar goes on at byte \d+, where byte \d+ comes next: the archive was cut in two ways/,
    );
    assert.deepEqual(await site.mirrorThere(), before);
  });

  test('a look at some volumes keeps none of them', async () => {
    const state = () => treeState(join(site.folder, 'there'));
    const before = state();
    const run = await site.install('--dry-run', ...put(1, 3));
    assert.equal(run.status, 8);
    assert.match(run.stdout, /^volumes {3}none of 3 of the archive \w{12} is kept\nmissing {3}2\n/);
    assert.deepEqual(state(), before);
  });

  test('every damaged volume is told at once, with those that are missing; the sound ones are kept', async () => {
    const [first = '', second = '', third = ''] = put(1, 2, 3);
    for (const path of [first, third]) flipBit(path, 30_000, 0);
    const whole = await site.import(site.medium);
    assert.equal(whole.status, 1);
    assert.match(
      whole.stderr,
      /volume 1 of 3 is damaged: its bytes [^;]*; damaged too: 3; to be brought: 1,3 .*--volumes 1,3\n/s,
    );
    assert.deepEqual(waiting(), []);
    rmSync(third);
    const some = await site.import(first, second);
    assert.equal(some.status, 1);
    assert.match(some.stderr, /volume 1 of 3 is damaged: its bytes [^;]*; to be brought: 1,3 /);
    assert.deepEqual(
      waiting().filter((name) => name.endsWith('.tar')),
      ['2.tar'],
    );
    isTaken(await site.import(...put(1, 3)));
    for (const path of put(2, 3)) truncateSync(path, 20_000);
    const short = await site.import(site.medium);
    assert.equal(short.status, 1);
    assert.match(
      short.stderr,
      /volume 2 of 3 is damaged: .* bytes, and not \d+; damaged too: 3; to be brought: 2-3 /,
    );
  });

  test('what one volume of a pipe lacks, the next pass brings', async () => {
    const bad = Buffer.from(volumes[1] ?? '');
    bad[30_000] = (bad[30_000] ?? 0) ^ 1;
    const [first, second, third] = volumes;
    const pass = (...parts: readonly (Buffer | undefined)[]) => {
      site.stdin = async function* () {
        for (const part of parts) yield part ?? Buffer.alloc(0);
      };
    };
    pass(first, bad, third);
    const run = await site.import('-');
    assert.equal(run.status, 1);
    assert.match(run.stderr, /volume 2 of 3 is damaged: .*; to be brought: 2 /);
    assert.deepEqual(
      waiting().filter((name) => name.endsWith('.tar')),
      ['1.tar', '3.tar'],
    );
    pass(bad, third, second, bad);
    isTaken(await site.import('-'));
  });

  test('what is kept is shown as it comes', async () => {
    const io = newIo({ environment: { MODEL_MIRROR_CONFIG: emptySettings } });
    io.stdin = async function* () {
      yield volumes[2] ?? Buffer.alloc(0);
      io.pass(5000);
      yield volumes[0] ?? Buffer.alloc(0);
      io.pass(5000);
    };
    const words = ['import', '-', '--data', site.there.data, '--policy', 'observe'];
    assert.equal((await site.mirror(words, io)).status, 8);
    assert.equal(io.stderr.lines.length, 2, io.stderr.text);
    for (const line of io.stderr.lines) assert.match(line, /^copied \S+ kB of \d+ kB \(\d+ %\), \S+ k?B\/s/);
    assert.equal(io.running, 0);
  });

  test('a waiting volume that rotted is told, and the one brought again is taken', async () => {
    await site.import(...put(1, 2));
    const rotten = join(site.there.data, 'incoming', `${hex}.3`, '1.tar');
    const bytes = readFileSync(rotten);
    bytes[30_000] = (bytes[30_000] ?? 0) ^ 1;
    writeFileSync(rotten, bytes);
    const run = await site.import(...put(3));
    assert.equal(run.status, 1);
    assert.match(run.stderr, /volume 1 of 3 is damaged/);
    truncateSync(rotten, 100);
    assert.equal((await site.import(...put(3))).status, 1);
    isTaken(await site.import(...put(1, 3)));
  });

  test('a medium in two directories, with one volume missing', async () => {
    const [first = ''] = put(1);
    const other = join(site.folder, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'models.003.tar'), volumes[2] ?? '');
    const run = await site.import(first, other);
    assert.match(run.stdout, /missing {3}2\n/);
  });
});
