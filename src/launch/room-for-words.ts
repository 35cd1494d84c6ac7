import { KnownError } from '../errors/index.ts';

/** Linux: one word or variable may have 128 KiB with its end (MAX_ARG_STRLEN, execve(2)). */
const wordLimit = 128 * 1024;
/** All of them together a quarter of the stack's limit, which is 8 MiB by default. */
const allLimit = 2 * 1024 * 1024;

/** execve refuses what is too long, and Node would abort then. @throws KnownError COMMAND_NOT_EXECUTABLE */
export function refuseTooLong(
  command: string,
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): void {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value ?? ''}`);
  let all = 0;
  for (const text of [...words, ...variables]) {
    const bytes = Buffer.byteLength(text) + 1;
    all += bytes + 8;
    if (bytes > wordLimit || all > allLimit) {
      throw new KnownError('COMMAND_NOT_EXECUTABLE', {
        command,
        problem: 'its arguments or its environment are too long',
      });
    }
  }
}
