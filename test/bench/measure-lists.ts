import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllowList, writeAllowList } from '../../src/allow-list/index.ts';
import { withInvented } from '../fixtures/large-list.ts';
import { addSampleModel, sampleLayers } from '../fixtures/sample-store.ts';
import { TestSigner } from '../fixtures/signed-list.ts';
import type { Conditions } from './measurements.ts';
import { runInRounds } from './rounds.ts';
import { type Program, peakMemory } from './run-program.ts';
import type { Row } from './table.ts';

const product = fileURLToPath(new URL('../../dist/verify-models.cjs', import.meta.url));

/** The time that a signed list adds to an empty program, and the memory it takes, on a host with three small models. */
export async function measureLists(conditions: Conditions): Promise<Row[]> {
  const rows: Row[] = [];
  for (const count of [conditions.listed, 10 * conditions.listed]) {
    conditions.tell(`checking three models by a signed list of ${count}`);
    const folder = join(conditions.folder, `list-${count}`);
    const { check, bytes } = signedSite(folder, count);
    const empty: Program = { name: 'empty', command: process.execPath, args: ['-e', '0'] };
    const measured = await runInRounds([check, empty], conditions.rounds, () => {}, conditions.signal);
    const of = (name: string) => measured.find((one) => one.name === name);
    const [checked, nothing] = [of('check'), of('empty')];
    const what = `signed list of ${count} models, ${(bytes / 2 ** 20).toFixed(1)} MiB`;
    rows.push(
      {
        what: `check by a ${what}, on top of an empty Node program`,
        unit: 's',
        ours: checked && nothing && checked.seconds - nothing.seconds,
        otherWork: checked?.otherWork,
        ...(count === conditions.listed ? { target: { bound: '<=', value: 0.4, of: 'ours' } } : {}),
      },
      {
        what: `most resident memory with a ${what}`,
        unit: 'MiB',
        ours: await peakMemory(check),
        ...(count === conditions.listed ? { target: { bound: '<=', value: 160, of: 'ours' } } : {}),
      },
    );
    rmSync(folder, { recursive: true });
  }
  return rows;
}

/** A store with three models, a list that names them and many more, its approval, and the check of them by it. */
function signedSite(folder: string, count: number): { check: Program; bytes: number } {
  const [store, list, state] = ['models', 'allow-list.json', 'state'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(folder);
  for (const name of ['one', 'two', 'three'])
    addSampleModel(store, `registry.ollama.ai/library/${name}:latest`, sampleLayers(`${name}\n`, name));
  const signer = new TestSigner('bench');
  const [key, pub] = [join(folder, 'bench.key'), join(folder, 'bench.pub')];
  writeFileSync(key, signer.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(pub, signer.pem);
  run('allow', '--all', '--store', store, '--allow-list', list);
  const listed = parseAllowList(readFileSync(list));
  const text = writeAllowList({ ...listed, models: withInvented(listed.models, count) });
  writeFileSync(list, text);
  run('sign', list, '--key', key, '--store', store, '--tables-unseen', '--manifests-unseen');
  const where = [
    '--store',
    store,
    '--state',
    state,
    '--allow-list',
    list,
    '--key',
    pub,
    '--progress',
    'none',
  ];
  const check = { name: 'check', command: process.execPath, args: [product, 'check', ...where] };
  return { check, bytes: Buffer.byteLength(text) };
}

function run(...words: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, [product, ...words], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${words[0]} ended with ${status}: ${stderr}`);
}
