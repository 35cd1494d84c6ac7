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

/** What execvp searches where PATH is not set. */
const usualPath = '/usr/local/bin:/usr/bin:/bin';
/** Scripts whose interpreter is a script; as many as Linux follows. */
const scriptsInARow = 4;

/**
 * The path of a command, found as execvp does, once it is sure that execve will take it: a regular file that may be executed, an ELF
 * program of this machine whose loader is there, or a script whose interpreter is such a file. A failing execve would
 * abort Node, with a core dump instead of a sentence.
 *
 * @throws KnownError COMMAND_NOT_FOUND (127), COMMAND_NOT_EXECUTABLE (126)
 */
export function resolveCommand(command: string, search: CommandSearch): string {
  const refuse = (problem: string) => new KnownError('COMMAND_NOT_EXECUTABLE', { command, problem });
  let denied: KnownError | undefined;
  for (const path of candidates(command, search)) {
    let stat: Stats;
    try {
      stat = statSync(path);
    } catch (error) {
      const code = systemCode(error);
      if (code !== 'ENOENT' && code !== 'ENOTDIR') denied ??= refuse(`${path}: ${describeCause(error)}`);
      continue;
    }
    const problem = problemOf(path, stat, search, scriptsInARow);
    if (problem === undefined) return path;
    denied ??= refuse(problem);
  }
  throw denied ?? new KnownError('COMMAND_NOT_FOUND', { command });
}

function candidates(command: string, { path, directory }: CommandSearch): string[] {
  if (command.includes('/')) return [resolve(directory, command)];
  if (command === '') return [];
  return (path ?? usualPath).split(':').map((folder) => resolve(directory, folder, command));
}

/** Why execve would not take a file; undefined when it will. */
function problemOf(path: string, stat: Stats, search: CommandSearch, scripts: number): string | undefined {
  if (!stat.isFile()) return `${path} is not a regular file`;
  const denied = whyNotExecutable(path, stat, search.account);
  if (denied !== undefined) return denied;
  let head: Buffer;
  try {
    head = headOf(path);
  } catch (error) {
    return `${path} cannot be read: ${describeCause(error)}`;
  }
  if (head.subarray(0, 2).toString('latin1') === '#!') return problemOfScript(path, head, search, scripts);
  if (!isElf(head)) return `${path} is neither a program (ELF) nor a script (#!)`;
  const own = headOf(search.self);
  // e_ident's class and byte order, and e_machine (elf(5)).
  const machine = (bytes: Buffer) => `${bytes[4]}:${bytes[5]}:${bytes[18]}:${bytes[19]}`;
  if (isElf(own) && machine(own) !== machine(head)) return `${path} is a program for another machine`;
  const loader = loaderOf(path, head);
  if (loader === undefined) return undefined;
  try {
    return statSync(loader).isFile() ? undefined : `its loader ${loader} is not a file`;
  } catch {
    return `${path} needs the loader ${loader}, which is not there`;
  }
}

function whyNotExecutable(path: string, stat: Stats, account: Account | undefined): string | undefined {
  try {
    // Also refused where the file system is mounted noexec.
    accessSync(path, constants.X_OK);
  } catch {
    return `${path} may not be executed`;
  }
  if (account === undefined || mayExecute(stat, account)) return undefined;
  return `${path} may not be executed by user ${account.name ?? account.uid}`;
}

function problemOfScript(
  path: string,
  head: Buffer,
  search: CommandSearch,
  scripts: number,
): string | undefined {
  const line = head.toString('utf8', 2).split('\n', 1)[0] ?? '';
  const interpreter = line.trim().split(/[ \t]/, 1)[0] ?? '';
  if (interpreter === '') return `${path} names no interpreter after #!`;
  if (scripts === 0) return `${path}: too many scripts in a row`;
  try {
    const file = resolve(search.directory, interpreter);
    const problem = problemOf(file, statSync(file), search, scripts - 1);
    return problem === undefined ? undefined : `${path} cannot be run: ${problem}`;
  } catch (error) {
    return `${path} needs ${interpreter}: ${describeCause(error)}`;
  }
}

const isElf = (head: Buffer): boolean => head.subarray(0, 4).toString('latin1') === '\x7fELF';

/** The first 4 KiB. */
const headOf = (path: string): Buffer => readAt(path, 0, 4096);

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

/** PT_INTERP of a 64-bit little-endian program (elf(5)); other ones are left to the kernel. */
function loaderOf(path: string, head: Buffer): string | undefined {
  if (head.length < 64 || head[4] !== 2 || head[5] !== 1) return undefined;
  const [at, size, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)];
  for (let number = 0; number < count && size >= 56; number += 1) {
    const entry = at + number * size;
    if (entry + 40 > head.length) return undefined;
    if (head.readUInt32LE(entry) !== 3) continue;
    const [offset, length] = [head.readBigUInt64LE(entry + 8), head.readBigUInt64LE(entry + 32)];
    if (length === 0n || length > 4096n) return undefined;
    return readAt(path, Number(offset), Number(length)).toString('utf8').replace(/\0.*$/s, '');
  }
  return undefined;
}
