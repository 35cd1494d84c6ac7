import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import {
  type Account,
  accountOf,
  firstReachable,
  type Runnable,
  refuseAltered,
  refuseTooLong,
  runnableFiles,
} from '../../src/launch/index.ts';
import { asOllamaReads } from '../../src/store/index.ts';
import type { Io, TerminationLog } from '../terminal/index.ts';

/** The account of `--user`. @throws KnownError USAGE */
export function accountFor(user: string, io: Io): Account {
  if (io.uid !== 0)
    throw new KnownError('USAGE', { problem: '--user needs root: only root can become another user' });
  // Images with nothing but one program have none.
  return accountOf(user, bytesOf('/etc/passwd')?.toString('utf8') ?? '');
}

/** @throws KnownError COMMAND_NOT_EXECUTABLE where the command would not get the words and variables that were given */
export const refuseAlteredWords = (word: string): void =>
  refuseAltered(word, {
    words: bytesOf('/proc/self/cmdline'),
    environment: bytesOf('/proc/self/environ'),
  });

/** The files that a command may mean, looked at with the rights of the user who runs the check. */
export const findCommand = (word: string, account: Account | undefined, io: Io): readonly Runnable[] =>
  runnableFiles(word, {
    path: io.environment.PATH,
    directory: io.directory,
    account,
    self: io.program,
  });

/** Where the command will be at home: with `--user` never in the home of root, which it cannot enter. */
export const homeOf = (account: Account | undefined, io: Io): string | undefined =>
  account === undefined ? io.environment.HOME : (account.home ?? '/');

/**
 * Ollama takes blanks and quotes away from around the path that it is given: with such a name it would serve another
 * directory than the one that was checked.
 *
 * @throws KnownError USAGE
 */
export function refuseReadOtherwise(store: string): void {
  const read = asOllamaReads(store);
  if (read === store) return;
  const problem = `Ollama would serve ${read} and not the store ${store}: it takes blanks and quotes away from around OLLAMA_MODELS; give the directory another name`;
  throw new KnownError('USAGE', { problem });
}

export interface Start {
  readonly word: string;
  readonly command: readonly string[];
  readonly account: Account | undefined;
  /** The store that was checked, which is the one that Ollama gets. */
  readonly store: string;
}

/**
 * The point of no return. What execve would refuse is refused before: a failing execve aborts Node. The last thing
 * before it is a look at whether somebody wants this to end.
 *
 * @throws KnownError CANCELLED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, USAGE
 */
export async function startCommand(start: Start, log: TerminationLog, io: Io): Promise<number> {
  const { word, command, account } = start;
  refuseReadOtherwise(start.store);
  // Once more, and while this may read what the user may only execute.
  const found = findCommand(word, account, io);
  const environment = environmentFor(start, io);
  const limits = bytesOf('/proc/self/limits')?.toString('utf8');
  for (const { path } of found) refuseTooLong(word, { path, words: command, environment }, limits);
  if (account !== undefined) {
    log.hold();
    become(account, io);
  }
  const path = firstReachable(word, found);
  // A signal that came meanwhile is heard once the loop looks at signals: the first turn may begin behind that place.
  await setImmediate();
  await setImmediate();
  if (io.interrupted.aborted) throw new KnownError('CANCELLED');
  return io.replaceProcess(path, command, environment);
}

/** Root in a container may have been denied what makes it another user. */
function become(account: Account, io: Io): void {
  try {
    io.become(account);
  } catch (error) {
    if (error instanceof KnownError) throw error;
    const who = account.name ?? `${account.uid}:${account.gid}`;
    const problem = `--user ${who}: this process may not become that user (${describeCause(error)}); it needs the capabilities SETUID and SETGID`;
    throw new KnownError('USAGE', { problem }, error);
  }
}

function environmentFor({ account, store }: Start, io: Io): Record<string, string> {
  const variables = Object.fromEntries(
    Object.entries(io.environment).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    ),
  );
  if (account !== undefined) {
    variables.HOME = homeOf(account, io) ?? '/';
    for (const name of ['USER', 'LOGNAME']) {
      if (account.login === undefined) delete variables[name];
      else variables[name] = account.login;
    }
  }
  return { ...variables, OLLAMA_MODELS: store };
}

/** What the kernel says, where it says something. */
function bytesOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
