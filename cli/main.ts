import { KnownError } from '../src/errors/index.ts';
import { runProgram } from './commands/index.ts';
import { type Io, type Program, tellError, withLoss } from './terminal/index.ts';

/** Node versions that run this tool; the same as `engines` in package.json. */
const wanted = '^22.22.2 || ^24.15.0 || >=26';

/** One command line, from words to exit status. Every error becomes one line with a stable code; never a stack trace. */
export async function main(
  args: readonly string[],
  nodeVersion: string,
  io: Io,
  run: (args: readonly string[], io: Io) => Promise<number> = runProgram,
  program: Program = 'verify-models',
): Promise<number> {
  try {
    refuseOldNode(nodeVersion);
    // Asked before anything begins.
    void io.directory;
    return await lossless(await run(args, io), io, program);
  } catch (error) {
    const status = await tellError(error, io.stderr, program);
    return error instanceof KnownError && error.code === 'CANCELLED' ? interrupted(io, status) : status;
  }
}

/** Work that a signal cancelled ends with the status of the signal. */
const interrupted = ({ interrupted: { aborted, reason } }: Io, status: number): number =>
  aborted && typeof reason === 'number' ? reason : status;

/** A result that stdout did not take (a full disk) is an error, whatever the result was. */
async function lossless(status: number, io: Io, program: Program): Promise<number> {
  const problem = io.stdout.failure;
  if (problem === undefined) return status;
  await tellError(new KnownError('REPORT_UNWRITABLE', { path: '(stdout)', problem }), io.stderr, program);
  return withLoss(status);
}

function refuseOldNode(version: string): void {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const newEnough =
    major >= 26 ||
    (major === 24 && minor >= 15) ||
    (major === 22 && (minor > 22 || (minor === 22 && patch >= 2)));
  if (!newEnough) throw new KnownError('NODE_TOO_OLD', { actual: version, wanted });
}
