/**
 * Characters that change what a terminal shows without being seen: control characters, escape, bidi marks,
 * zero-width and other format characters, fillers and variation selectors, blanks other than the space, line and
 * paragraph separators, surrogates, private use.
 */
export const unprintable =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/u;

/** Not with `=` at its head: zsh would replace the word by the path of a command. */
const plainWord = /^(?!=)[A-Za-z0-9_./:@%+=,-]+$/;

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
