import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import { type Account, mayExecute } from './account.ts';
import { isElf, loaderOf, problemOfHeader, problemOfProgram } from './elf-header.ts';
import { headBytes, interpreterOf } from './script-line.ts';

export interface CommandSearch {
  /** PATH; undefined where it is not set. */
  readonly path: string | undefined;
  /** The directory from which relative paths count. */
  readonly directory: string;
  /** Who will run it; undefined means the user of this process. */
  readonly account: Account | undefined;
  /** The program that runs now: its ELF header says for which machine programs are. */
  readonly self: string;
}

/** A file that execve will take. */
export interface Runnable {
  readonly path: string;
  /** It, its interpreters and its loader: whoever runs it must be allowed to execute all of them. */
  readonly files: readonly string[];
}

/** What execvp searches where PATH is not set. */
const usualPath = '/usr/local/bin:/usr/bin:/bin';
/** Scripts whose interpreter is a script; as many as every Linux follows. */
const scriptsInARow = 4;

/**
 * The files that a command may mean, in the order in which execvp tries them, each of which execve will take: a regular
 * file that may be executed, an ELF program of this machine whose loader is there, or a script whose interpreter is such
 * a file. A failing execve would abort Node, with a core dump instead of a sentence.
 *
 * Two things cannot be asked before: whether somebody has the file open for writing (ETXTBSY; only a lease or an execve
 * would tell, and Node has no leases), and whether the user has too many processes (EAGAIN). Node aborts there, and
 * nothing is started. What cannot be read cannot be judged and is refused, so that this is called before the rights of
 * root are given up.
 *
 * @throws KnownError COMMAND_NOT_FOUND (127), COMMAND_NOT_EXECUTABLE (126); never gives an empty list
 */
export function runnableFiles(command: string, search: CommandSearch): readonly Runnable[] {
  const refuse = (problem: string) => new KnownError('COMMAND_NOT_EXECUTABLE', { command, problem });
  let denied: KnownError | undefined;
  const found: Runnable[] = [];
  for (const path of candidates(command, search)) {
    let stat: Stats;
    try {
      stat = statSync(path);
    } catch (error) {
      const code = systemCode(error);
      if (code !== 'ENOENT' && code !== 'ENOTDIR') denied ??= refuse(`${path}: ${describeCause(error)}`);
      continue;
    }
    const files: string[] = [];
    const problem = problemOf(path, stat, { ...search, files, scripts: scriptsInARow });
    if (problem === undefined) found.push({ path, files });
    else denied ??= refuse(problem);
  }
  if (found.length > 0) return found;
  throw denied ?? new KnownError('COMMAND_NOT_FOUND', { command });
}

/** The first of them that this process, as the user who it is by now, may execute. @throws KnownError COMMAND_NOT_EXECUTABLE */
export function firstReachable(command: string, found: readonly Runnable[]): string {
  const reachable = found.find(({ files }) => files.every(isReachable));
  if (reachable !== undefined) return reachable.path;
  const file = found[0]?.files.find((path) => !isReachable(path));
  throw new KnownError('COMMAND_NOT_EXECUTABLE', { command, problem: `${file} may not be executed` });
}

function candidates(command: string, { path, directory }: CommandSearch): string[] {
  if (command.includes('/')) return [resolve(directory, command)];
  if (command === '') return [];
  return (path ?? usualPath).split(':').map((folder) => resolve(directory, folder, command));
}

interface Look extends CommandSearch {
  /** What was looked at. */
  readonly files: string[];
  readonly scripts: number;
}

/** Why execve would not take a file; undefined when it will. */
function problemOf(path: string, stat: Stats, look: Look): string | undefined {
  const denied = whyNotExecutable(path, stat, look.account);
  if (denied !== undefined) return denied;
  look.files.push(path);
  try {
    const head = readAt(path, 0, headBytes);
    if (head.subarray(0, 2).toString('latin1') === '#!') return problemOfScript(path, head, look);
    if (!isElf(head)) return `${path} is neither a program (ELF) nor a script (#!)`;
    return problemOfElf(path, head, look);
  } catch (error) {
    return `${path} cannot be read: ${describeCause(error)}`;
  }
}

function whyNotExecutable(path: string, stat: Stats, account: Account | undefined): string | undefined {
  if (!stat.isFile()) return `${path} is not a regular file`;
  if (!isReachable(path)) return `${path} may not be executed`;
  if (account === undefined || mayExecute(stat, account)) return undefined;
  return `${path} may not be executed by user ${account.name ?? account.uid}`;
}

function isReachable(path: string): boolean {
  try {
    // Also refused where the file system is mounted noexec.
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function problemOfScript(path: string, head: Buffer, look: Look): string | undefined {
  const interpreter = interpreterOf(head);
  if ('problem' in interpreter) return `${path} ${interpreter.problem}`;
  if (look.scripts === 0) return `${path}: too many scripts in a row`;
  try {
    const file = resolve(look.directory, interpreter.name);
    const problem = problemOf(file, statSync(file), { ...look, scripts: look.scripts - 1 });
    return problem === undefined ? undefined : `${path} cannot be run: ${problem}`;
  } catch (error) {
    return `${path} needs ${interpreter.name}: ${describeCause(error)}`;
  }
}

function problemOfElf(path: string, head: Buffer, look: Look): string | undefined {
  const own = readAt(look.self, 0, headBytes);
  const from = (file: string) => (position: number, bytes: number) => readAt(file, position, bytes);
  const problem = problemOfProgram(head, own, from(path));
  if (problem !== undefined) return `${path} ${problem}`;
  const loader = loaderOf(head, from(path));
  if (loader === undefined) return undefined;
  if ('problem' in loader) return `${path} ${loader.problem}`;
  const file = resolve(look.directory, loader.name);
  try {
    const denied = whyNotExecutable(file, statSync(file), look.account);
    if (denied !== undefined) return `${path} needs a loader: ${denied}`;
    look.files.push(file);
    const start = readAt(file, 0, headBytes);
    const broken = isElf(start) ? problemOfHeader(start, own, from(file)) : 'is no program (ELF)';
    return broken === undefined ? undefined : `${path} needs a loader: ${file} ${broken}`;
  } catch (error) {
    return `${path} needs the loader ${loader.name}: ${describeCause(error)}`;
  }
}

function readAt(path: string, position: number, bytes: number): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile()) throw new Error('it is not a regular file');
    const room = Buffer.alloc(bytes);
    return room.subarray(0, readSync(fd, room, 0, bytes, position));
  } finally {
    closeSync(fd);
  }
}
