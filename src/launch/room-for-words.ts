import { KnownError } from '../errors/index.ts';

/** Linux: one word or variable may have 128 KiB with its end (MAX_ARG_STRLEN, execve(2)). */
const wordLimit = 128 * 1024;
/** All of them together, with a pointer to each, a quarter of the stack's limit; never less, never more than these. */
const [allLeast, allMost] = [128 * 1024, 6 * 1024 * 1024];
/** What a script adds: its interpreters and their arguments. */
const forInterpreters = 1024;

/** What a new program is given. */
export interface Words {
  readonly path: string;
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * execve refuses what is too long, and Node would abort then.
 *
 * @param limits the text of `/proc/self/limits`, which says how large the stack may be; 8 MiB where there is none
 * @throws KnownError COMMAND_NOT_EXECUTABLE
 */
export function refuseTooLong(
  command: string,
  { path, words, environment }: Words,
  limits: string | undefined,
): void {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value ?? ''}`);
  const limit = Math.max(allLeast, Math.min(allMost, stackLimit(limits) / 4));
  // The path stands there once by itself, and once more as a word of a script's interpreter.
  let all = 2 * (Buffer.byteLength(path) + 1) + forInterpreters;
  for (const text of [...words, ...variables]) {
    const bytes = Buffer.byteLength(text) + 1;
    all += bytes + 8;
    if (bytes > wordLimit || all > limit) {
      throw new KnownError('COMMAND_NOT_EXECUTABLE', {
        command,
        problem: 'its arguments or its environment are too long',
      });
    }
  }
}

/** The soft limit of the stack in bytes (proc_pid_limits(5)). */
function stackLimit(limits: string | undefined): number {
  const word = /^Max stack size +(\S+)/m.exec(limits ?? '')?.[1];
  if (word === 'unlimited') return Number.POSITIVE_INFINITY;
  return word === undefined ? 8 * 1024 * 1024 : Number(word);
}
