import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundlePieces } from './bundle-pieces.ts';
import { makeBigBlob, makeBigStore, warm } from './make-store.ts';
import { runInRounds } from './rounds.ts';
import { isInstalled, type Program, peakMemory } from './run-program.ts';
import type { Row } from './table.ts';

export interface Conditions {
  readonly folder: string;
  /** Bytes in the store, and in the one large blob. */
  readonly bytes: number;
  readonly rounds: number;
  /** Models of the smaller signed list; the larger one has ten times as many. */
  readonly listed: number;
  readonly cores: number;
  readonly signal: AbortSignal;
  /** Says what is being done. */
  readonly tell: (text: string) => void;
}

const product = fileURLToPath(new URL('../../dist/verify-models.cjs', import.meta.url));
const mebibyte = 1024 * 1024;
const openssl = (files: readonly string[]): Program => ({
  name: 'openssl',
  command: 'openssl',
  args: ['dgst', '-sha256', ...files],
});
const sha256sum = (files: readonly string[]): Program => ({
  name: 'sha256sum',
  command: 'sha256sum',
  args: files,
});

function check(store: string, jobs: number): Program {
  const args = [product, 'check', '--store', store, '--jobs', `${jobs}`, '--progress', 'none'];
  return { name: 'verify-models', command: process.execPath, args };
}

/** Runs programs in rounds, those that are installed, and gives what was measured by name. */
async function compare(programs: readonly Program[], files: readonly string[], conditions: Conditions) {
  const there = programs.filter(({ command }) => isInstalled(command));
  const measured = await runInRounds(there, conditions.rounds, () => warm(files), conditions.signal);
  return (name: string) => measured.find((one) => one.name === name);
}

/** Rows of a whole store: speed on all cores, processor time, memory. */
export async function measureStore(conditions: Conditions): Promise<Row[]> {
  const { folder, bytes, cores, rounds, signal, tell } = conditions;
  const store = join(folder, 'store');
  // Four blobs a core: all cores are at work to the end.
  const count = 4 * cores;
  const size = Math.ceil(bytes / count / mebibyte) * mebibyte;
  tell(`making a store of ${count} blobs, ${size / mebibyte} MiB each`);
  const files = makeBigStore(store, count, size);
  tell('checking it');
  const of = await compare([check(store, cores), openssl(files), sha256sum(files)], files, conditions);
  const gibibytes = (count * size) / 2 ** 30;
  const rate = (name: string) => divide(gibibytes, of(name)?.seconds);
  const time = (name: string) => divide(of(name)?.processorSeconds, gibibytes);
  const rows: Row[] = [
    {
      what: `check of a store, ${gibibytes.toFixed(2)} GiB in ${count} blobs, warm, ${cores} cores (peers: one core)`,
      unit: 'GiB/s',
      ours: rate('verify-models'),
      openssl: rate('openssl'),
      sha256sum: rate('sha256sum'),
      otherWork: of('verify-models')?.otherWork,
      target: { bound: '>=', value: 0.92 * cores, of: 'ratio' },
    },
    {
      what: 'processor time, user and system',
      unit: 's/GiB',
      ours: time('verify-models'),
      openssl: time('openssl'),
      sha256sum: time('sha256sum'),
      otherWork: of('verify-models')?.otherWork,
      target: { bound: '<=', value: 1.1, of: 'ratio' },
    },
  ];
  for (const jobs of [1, 2, 6]) {
    tell(`measuring its memory with --jobs ${jobs}`);
    const peaks: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      signal.throwIfAborted();
      const peak = await peakMemory(check(store, jobs));
      if (peak !== undefined) peaks.push(peak);
    }
    const ours = peaks.length === 0 ? undefined : Math.max(...peaks);
    rows.push({
      what: `most resident memory at --jobs ${jobs}`,
      unit: 'MiB',
      ours,
      target: { bound: '<=', value: 160, of: 'ours' },
    });
  }
  rmSync(store, { recursive: true });
  return rows;
}

/** The row of one large blob that has a chunk table, on two cores. */
export async function measureBlob(conditions: Conditions): Promise<Row[]> {
  const folder = join(conditions.folder, 'blob');
  conditions.tell('making one large blob and its chunk table');
  mkdirSync(folder);
  const { path, table } = makeBigBlob(folder, conditions.bytes);
  const tablePath = join(folder, 'table');
  writeFileSync(tablePath, table.bytes);
  const program = await bundlePieces(folder);
  conditions.tell('checking it by its pieces');
  const pieces = { name: 'pieces', command: process.execPath, args: [program, path, tablePath, '2'] };
  const of = await compare([pieces, openssl([path])], [path], conditions);
  const gibibytes = table.size / 2 ** 30;
  const row: Row = {
    what: `check of one blob of ${gibibytes.toFixed(2)} GiB by its chunk table, warm, 2 cores (peer: one core)`,
    unit: 'GiB/s',
    ours: divide(gibibytes, of('pieces')?.seconds),
    openssl: divide(gibibytes, of('openssl')?.seconds),
    otherWork: of('pieces')?.otherWork,
    target: { bound: '>=', value: 1.8, of: 'ratio' },
  };
  rmSync(folder, { recursive: true });
  return [row];
}

const divide = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a / b;
