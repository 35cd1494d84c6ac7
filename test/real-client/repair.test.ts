import { damages } from './damages.ts';
import { findPullingOllama } from './find-ollama.ts';
import { PullingSite } from './pulling-site.ts';
import { repairsWhatItFinds } from './repair-scenario.ts';

const { program, skip } = findPullingOllama(
  'that the printed commands, typed into the real client, repair a store',
);

repairsWhatItFinds('the real client', skip, damages, () => PullingSite.start(program ?? ''));
