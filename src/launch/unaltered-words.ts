import { isUtf8 } from 'node:buffer';
import { KnownError } from '../errors/index.ts';

/** What this process was started with, byte for byte: `/proc/self/cmdline` and `/proc/self/environ`, where they are there. */
export interface StartedWith {
  readonly words: Buffer | undefined;
  readonly environment: Buffer | undefined;
}

/**
 * Node.js reads words and variables as UTF-8 and hands over what it made of them: a path in another encoding would reach
 * the command as another one.
 *
 * @throws KnownError COMMAND_NOT_EXECUTABLE
 */
export function refuseAltered(command: string, { words, environment }: StartedWith): void {
  const refuse = (what: string) => {
    const problem = `${what} is not UTF-8, and Node.js would hand it over altered`;
    throw new KnownError('COMMAND_NOT_EXECUTABLE', { command, problem });
  };
  for (const word of parts(words)) if (!isUtf8(word)) refuse(`the word ${word.toString('utf8')}`);
  for (const variable of parts(environment)) {
    const name = variable.toString('utf8').replace(/=.*$/s, '');
    if (!isUtf8(variable)) refuse(`the variable ${name} (env -u ${name} takes it away)`);
  }
}

/** Texts that end with a NUL each. */
function* parts(all: Buffer | undefined): Generator<Buffer> {
  if (all === undefined || isUtf8(all)) return;
  for (let at = 0; at < all.length; ) {
    const end = all.indexOf(0, at);
    yield all.subarray(at, end === -1 ? all.length : end);
    at = end === -1 ? all.length : end + 1;
  }
}
