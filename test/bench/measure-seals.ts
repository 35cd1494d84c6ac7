import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { addSampleModel } from '../fixtures/sample-store.ts';
import { noExecutable, singleExecutable } from '../fixtures/single-executable.ts';
import type { Conditions } from './measurements.ts';
import { runInRounds } from './rounds.ts';
import { type Program, peakMemory } from './run-program.ts';
import type { Row } from './table.ts';

const product = fileURLToPath(new URL('../../dist/verify-models.cjs', import.meta.url));
const [models, layers, weightBytes] = [100, 19, 8 * 1024 * 1024];

/** A second check of a sealed store beside an empty Node program, and beside a check that hashes everything. */
export async function measureSeals(conditions: Conditions): Promise<Row[]> {
  conditions.tell(`checking ${models} sealed models`);
  const folder = join(conditions.folder, 'sealed');
  const store = join(folder, 'models');
  makeStore(store);
  // A file that was just written is not sealed.
  await sleep(2500);
  const words = [product, 'check', '--store', store, '--state', join(folder, 'state'), '--progress', 'none'];
  const node = (name: string, ...args: string[]): Program => ({ name, command: process.execPath, args });
  const sealed = node('sealed', ...words, '--sealed');
  const full = node('full', ...words);
  const programs = [sealed, full, node('empty', '-e', '0'), node('version', product, '--version')];
  if (noExecutable === false) {
    const one = (name: string, ...args: string[]): Program => ({ name, command: singleExecutable(), args });
    programs.push(one('one version', '--version'), one('one sealed', ...words.slice(1), '--sealed'));
  }
  await peakMemory(sealed);
  const measured = await runInRounds(programs, conditions.rounds, () => {}, conditions.signal);
  const memory = await peakMemory(sealed);
  rmSync(folder, { recursive: true });
  const seconds = (name: string) => measured.find((one) => one.name === name)?.seconds ?? Number.NaN;
  const what = `second check of ${models} sealed models, ${models * (layers + 1)} blobs, ${(models * weightBytes) / 2 ** 30} GiB`;
  const otherWork = measured[0]?.otherWork;
  const ratio = (a: string, b: string) => seconds(a) / seconds(b);
  return [
    {
      ...{
        what: `${what}, against an empty Node program`,
        unit: 'x',
        ours: ratio('sealed', 'empty'),
        otherWork,
      },
      target: { bound: '<=', value: 2, of: 'ours' },
    },
    {
      what: `${what}, against a check that hashes everything`,
      unit: 'x',
      ours: ratio('sealed', 'full'),
      otherWork,
    },
    { what: `${what}, most resident memory`, unit: 'MiB', ours: memory },
    {
      what: 'verify-models --version, against an empty Node program',
      unit: 'x',
      ours: ratio('version', 'empty'),
    },
    {
      ...{ what: 'the single executable, --version', unit: 'ms', ours: seconds('one version') * 1000 },
      target: { bound: '<=', value: 300, of: 'ours' },
    },
    {
      what: 'the single executable, --version, against an empty Node program',
      unit: 'x',
      ours: ratio('one version', 'empty'),
    },
    {
      what: `${what}, by the single executable, against an empty Node program`,
      unit: 'x',
      ours: ratio('one sealed', 'empty'),
    },
  ];
}

function makeStore(store: string): void {
  for (let model = 0; model < models; model += 1) {
    const own = Array.from({ length: layers }, (_, layer) =>
      layer === 0
        ? { kind: 'model', bytes: patternedBytes(weightBytes, model * 2 + 1) }
        : { kind: 'license', bytes: Buffer.from(`layer ${layer} of model ${model}\n`) },
    );
    const config = Buffer.from(`${JSON.stringify({ model_format: 'gguf', model_type: `${model}B` })}\n`);
    addSampleModel(store, `registry.ollama.ai/library/model${model}:latest`, own, config);
  }
}
