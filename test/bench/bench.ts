/**
 * Speed and memory of the product beside openssl and sha256sum, as a Markdown table: `npm run bench`.
 *
 * BENCH_GIB (4) is how much is hashed; it lies on the disk of the temporary directory (TMPDIR) meanwhile.
 * BENCH_MODELS (5000) are on the smaller signed list, ten times as many on the larger one.
 * BENCH_PART (all) is verifier, seal, mirror or archive where one of them is enough.
 * BENCH_ROUNDS (5) is how often everything runs, in turn; the table shows medians.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { describeMachine } from './machine.ts';
import { measureArchives } from './measure-archives.ts';
import { measureLists } from './measure-lists.ts';
import { measureMirror } from './measure-mirror.ts';
import { measureSeals } from './measure-seals.ts';
import { measureWatch } from './measure-watch.ts';
import { type Conditions, measureBlob, measureStore } from './measurements.ts';
import { mirrorTable } from './mirror-table.ts';
import { isInstalled } from './run-program.ts';
import { markdownTable } from './table.ts';

function option(name: string, byDefault: number): number {
  const text = process.env[name] ?? '';
  const value = text === '' ? byDefault : Number(text);
  if (!(value > 0)) throw new Error(`${name}: ${text} is not a number above 0`);
  return value;
}

const say = (text: string) => process.stdout.write(`${text}\n`);

async function bench(conditions: Conditions): Promise<void> {
  const { folder, bytes, rounds } = conditions;
  const free = statfsSync(folder);
  if (free.bavail * free.bsize < bytes * 1.05) throw new Error(`${folder} has no room for ${bytes} bytes`);
  say(describeMachine(folder));
  say(`${rounds} rounds, the programs in turn; medians. Speeds are too low where other work took its part.`);
  if (totalmem() < bytes * 1.2)
    say('The files do not fit into the memory of this machine: they are not warm.');
  for (const peer of ['openssl', 'sha256sum']) {
    if (!isInstalled(peer)) say(`${peer} is not installed here: its columns stay empty.`);
  }
  const part = process.env.BENCH_PART ?? 'all';
  if (part === 'all' || part === 'seal') {
    const rows = [...(await measureSeals(conditions)), ...(await measureWatch(conditions))];
    say(`\n${markdownTable(rows)}`);
  }
  if (part === 'all' || part === 'verifier') {
    const rows = [
      ...(await measureStore(conditions)),
      ...(await measureBlob(conditions)),
      ...(await measureLists(conditions)),
    ];
    say(`\n${markdownTable(rows)}`);
  }
  if (part === 'all' || part === 'mirror') {
    for (const peer of ['curl', 'nginx', 'zot', 'registry', 'crane'])
      if (!isInstalled(peer)) say(`${peer} is not installed here: what needs it is left out.`);
    if (isInstalled('curl')) say(`\n${mirrorTable(await measureMirror(conditions))}`);
  }
  if (part === 'all' || part === 'archive') say(`\n${mirrorTable(await measureArchives(conditions))}`);
}

const interrupt = new AbortController();
process.once('SIGINT', () => interrupt.abort());
const folder = mkdtempSync(join(tmpdir(), 'vm-bench-'));
try {
  await bench({
    folder,
    bytes: Math.ceil(option('BENCH_GIB', 4) * 2 ** 30),
    rounds: Math.ceil(option('BENCH_ROUNDS', 5)),
    listed: Math.ceil(option('BENCH_MODELS', 5000)),
    cores: availableParallelism(),
    signal: interrupt.signal,
    tell: (text) => process.stderr.write(`${text}\n`),
  });
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
