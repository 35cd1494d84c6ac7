import { commandNames, everyFlag, nameOf, operandOf } from './flags.ts';

const commands: readonly string[] = [...commandNames, 'help'];
const takingValue = new Set(everyFlag.filter(operandOf).map(nameOf));

/**
 * Puts the command in front of the flags that were typed before it: `--quick check` means `check --quick`. The parser
 * alone would take `check` for a model there, because it looks for a command no further than to the first flag that
 * belongs to one.
 */
export function commandFirst(args: readonly string[]): readonly string[] {
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (word === '--') return args;
    if (!word.startsWith('-')) {
      return commands.includes(word) ? [word, ...args.slice(0, at), ...args.slice(at + 1)] : args;
    }
    if (takingValue.has(word)) at += 1;
  }
  return args;
}
