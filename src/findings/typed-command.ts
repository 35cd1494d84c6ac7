/**
 * Characters that change what a terminal shows without being seen: control characters, escape, bidi marks,
 * zero-width and other format characters, line and paragraph separators, surrogates, private use.
 */
export const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u;

const plainWord = /^[A-Za-z0-9_./:@%+=,-]+$/;

/** One word of a POSIX shell command, quoted only where it must be. */
export const shellWord = (word: string): string =>
  plainWord.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/**
 * Commands to type, joined by `&&`. Undefined when a word holds a character that cannot be shown as it is: a command
 * that looks different from what it does is never printed.
 */
export function typedCommand(...commands: readonly (readonly string[])[]): string | undefined {
  if (commands.some((words) => words.some((word) => unprintable.test(word)))) return undefined;
  return commands.map((words) => words.map(shellWord).join(' ')).join(' && ');
}
