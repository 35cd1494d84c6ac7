import { KnownError } from '../../src/errors/index.ts';
import { errorLine, type Io, TerminationLog, tellError } from '../terminal/index.ts';
import { settingsOf, type TypedFlags } from './context.ts';
import { commandNames } from './flags.ts';

/**
 * Runs a command that guards a start. Whatever keeps it from its end, one line of that goes into the termination log:
 * a pod that never started must say why, also when it was told wrongly.
 */
export async function withLastWord(
  flags: TypedFlags,
  io: Io,
  work: (log: TerminationLog) => Promise<number>,
): Promise<number> {
  const log = new TerminationLog(() => fileOf(flags, io));
  try {
    return await work(log);
  } catch (error) {
    await leave(log, errorLine(error, statusOf(error, io)), io);
    throw error;
  }
}

/** The same for a command line that could not be read, when it was to guard a start. */
export async function lastWordOn(problem: KnownError, args: readonly string[], io: Io): Promise<void> {
  const [word = ''] = args;
  const guards = !commandNames.some((name) => name === word && name !== 'exec' && name !== 'check');
  if (!guards) return;
  const flags = {
    terminationLog: typedValue('--termination-log', args),
    config: typedValue('--config', args),
  };
  const log = new TerminationLog(() => fileOf(flags, io));
  await leave(log, errorLine(problem, problem.exitStatus), io);
}

/** Says on stderr when the line could not be left where it was wanted. */
export async function leave(log: TerminationLog, line: string, io: Io): Promise<void> {
  const problem = log.write(line);
  if (problem !== undefined) await tellError(problem, io.stderr);
}

/** A setting that is refused need not be this one: it is looked for where it was typed then. */
function fileOf({ terminationLog, config }: TypedFlags, io: Io): string | undefined {
  const typed = typeof terminationLog === 'string' ? terminationLog : undefined;
  try {
    return typed ?? settingsOf({ config }, io)['termination-log'];
  } catch {
    return io.environment.VERIFY_MODELS_TERMINATION_LOG || undefined;
  }
}

/** What a signal cancelled ends with the status of the signal. */
function statusOf(error: unknown, io: Io): number {
  if (!(error instanceof KnownError)) return 70;
  const { reason } = error.code === 'CANCELLED' ? io.interrupted : {};
  return typeof reason === 'number' ? reason : error.exitStatus;
}

/** The value of a flag as it was typed, before the command of `exec`. */
function typedValue(flag: string, args: readonly string[]): string | undefined {
  const end = args.indexOf('--');
  const own = end === -1 ? args : args.slice(0, end);
  const at = own.indexOf(flag);
  if (at !== -1) return own[at + 1];
  return own.find((word) => word.startsWith(`${flag}=`))?.slice(flag.length + 1);
}
