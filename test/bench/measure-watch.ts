import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { flipBit } from '../fixtures/damage.ts';
import { bareEnvironment } from '../fixtures/run-main.ts';
import { addSampleModel, blobPath, sampleLayers } from '../fixtures/sample-store.ts';
import { until } from '../fixtures/until.ts';
import type { Conditions } from './measurements.ts';
import { median } from './rounds.ts';
import type { Row } from './table.ts';

const product = fileURLToPath(new URL('../../dist/verify-models.cjs', import.meta.url));
const target = { bound: '<=', value: 1000, of: 'ours' } as const;

/** From the change of a store to the line that says so: a model that is new, one that is altered, one that is gone. */
export async function measureWatch({ folder, rounds, signal, tell }: Conditions): Promise<Row[]> {
  tell('changing a watched store');
  const store = join(folder, 'watched');
  addSampleModel(store);
  const words = [product, 'watch', '--store', store, '--state', join(folder, 'watch-state')];
  const child = spawn(process.execPath, words, {
    env: bareEnvironment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const times = { new: [] as number[], altered: [] as number[], gone: [] as number[] };
  try {
    const said = listen(child);
    await until(() => said().includes('in order: 1 model'));
    for (let round = 0; round < rounds; round += 1) {
      signal.throwIfAborted();
      const name = `registry.ollama.ai/library/round${round}:latest`;
      const before = said().length;
      const wait = async (text: string): Promise<number> => {
        const from = performance.now();
        await until(() => said().slice(before).includes(text));
        return performance.now() - from;
      };
      const model = addSampleModel(store, name, sampleLayers(`Round ${round}.`));
      times.new.push(await wait('in order: 2 models'));
      flipBit(blobPath(store, model.digest('system')), 0, 0);
      times.altered.push(await wait(`blob-altered: the system layer of round${round}`));
      rmSync(model.manifestPath);
      times.gone.push(await wait('exit status 1: 1 model'));
      rmSync(blobPath(store, model.digest('system')));
      await wait('in order: 1 model');
    }
  } finally {
    child.kill('SIGTERM');
    await once(child, 'close');
    rmSync(store, { recursive: true });
  }
  const row = (what: string, all: readonly number[]): Row => ({
    ...{
      what: `watch: from a model that is ${what} to the line that says so`,
      unit: 'ms',
      ours: median(all),
      target,
    },
  });
  return [row('new', times.new), row('altered', times.altered), row('gone', times.gone)];
}

function listen(child: ChildProcess): () => string {
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return () => said;
}
