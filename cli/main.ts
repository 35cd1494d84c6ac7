import { describeCause, KnownError } from '../src/errors/index.ts';
import { printable } from '../src/report/index.ts';
import { runProgram } from './commands/index.ts';
import type { Io } from './terminal/index.ts';

/** Node versions that run this tool; the same as `engines` in package.json. */
const wanted = '^22.22.2 || ^24.15.0 || >=26';

/** One command line, from words to exit status. Every error becomes one line with a stable code; never a stack trace. */
export async function main(args: readonly string[], nodeVersion: string, io: Io): Promise<number> {
  try {
    refuseOldNode(nodeVersion);
    return await runProgram(args, io);
  } catch (error) {
    const known =
      error instanceof KnownError
        ? error
        : new KnownError('INTERNAL', { problem: describeCause(error) }, error);
    await io.stderr.write(`verify-models: ${printable(known.message)} (${known.code})\n`);
    if (known.hint !== undefined) await io.stderr.write(`next: ${printable(known.hint)}\n`);
    return known.exitStatus;
  }
}

function refuseOldNode(version: string): void {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const newEnough =
    major >= 26 ||
    (major === 24 && minor >= 15) ||
    (major === 22 && (minor > 22 || (minor === 22 && patch >= 2)));
  if (!newEnough) throw new KnownError('NODE_TOO_OLD', { actual: version, wanted });
}
