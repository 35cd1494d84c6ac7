import { type Cost, measure, type Program } from './run-program.ts';

export interface Measured {
  readonly name: string;
  /** Medians over the rounds, each for itself. */
  readonly seconds: number;
  readonly processorSeconds: number;
  readonly otherWork: number;
}

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]];
  if (low === undefined || high === undefined) throw new Error('nothing was measured');
  return (low + high) / 2;
}

/** Runs programs in turn, A B C A B C, so that what disturbs the machine disturbs them alike. */
export async function runInRounds(
  programs: readonly Program[],
  rounds: number,
  beforeRound: () => void,
  signal: AbortSignal,
): Promise<Measured[]> {
  const costs = programs.map((): Cost[] => []);
  for (let round = 0; round < rounds; round += 1) {
    beforeRound();
    for (const [index, program] of programs.entries()) {
      signal.throwIfAborted();
      costs[index]?.push(await measure(program));
    }
  }
  return programs.map(({ name }, index) => {
    const middle = (field: keyof Cost) => median((costs[index] ?? []).map((cost) => cost[field]));
    return {
      name,
      seconds: middle('seconds'),
      processorSeconds: middle('processorSeconds'),
      otherWork: middle('otherWork'),
    };
  });
}
