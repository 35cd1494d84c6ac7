import { describeCause, KnownError } from '../../src/errors/index.ts';
import { exitBits } from '../../src/findings/index.ts';
import { printable } from '../../src/report/index.ts';
import type { Sink } from './io.ts';

/** The two programs: an error says which of them it comes from, and whose help to ask for. */
export type Program = 'verify-models' | 'model-mirror';

/** An error for a person: one line with a stable code, one with what to do next; never a stack trace. Gives the exit status. */
export async function tellError(
  error: unknown,
  stderr: Sink,
  program: Program = 'verify-models',
): Promise<number> {
  const known =
    error instanceof KnownError
      ? error
      : new KnownError('INTERNAL', { problem: describeCause(error) }, error);
  await stderr.write(`${program}: ${printable(known.message)} (${known.code})\n`);
  const hint = known.code === 'USAGE' ? `${program} --help` : known.hint;
  if (hint !== undefined) await stderr.write(`next: ${printable(hint)}\n`);
  return known.exitStatus;
}

/** The exit status of a run whose result could not be written in full; a status that is no sum of bits stays. */
export const withLoss = (status: number): number => (status < 16 ? status | exitBits.unchecked : status);
