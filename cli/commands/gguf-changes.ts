import type { GgufChange, GgufValue } from '../../src/gguf/index.ts';
import { diffLines, printable, renderTextDiff } from '../../src/report/index.ts';

/** Keys shown of one GGUF. */
const keysShown = 40;

/** What the weights say of themselves now and said before; a chat template as a difference by lines. */
export function* shownGgufChanges(changes: readonly GgufChange[], color: boolean): Generator<string> {
  if (changes.length === 0) yield '    its metadata is the same; the tensors differ\n';
  for (const { key, before, after } of changes.slice(0, keysShown)) {
    const texts = [before, after].every((value) => value === undefined || typeof value === 'string');
    const long = [before, after].some((value) => typeof value === 'string' && value.includes('\n'));
    if (texts && (long || key.startsWith('tokenizer.chat_template'))) {
      yield `    ${printable(key)}:\n`;
      const lines = diffLines(String(before ?? ''), String(after ?? ''));
      for (const line of renderTextDiff(lines, { color })) yield `      ${line}`;
    } else yield `    ${printable(key)}: ${shownValue(before)} -> ${shownValue(after)}\n`;
  }
  if (changes.length > keysShown) yield `    and ${changes.length - keysShown} more keys\n`;
}

function shownValue(value: GgufValue | undefined): string {
  if (value === undefined) return 'none';
  if (typeof value === 'string') return `"${printable(value, 120)}"`;
  if (typeof value !== 'object') return String(value);
  const digest = value.digest.slice('sha256:'.length, 'sha256:'.length + 12);
  return value.kind === 'array'
    ? `${value.count} x ${value.elementType} (${digest})`
    : `a text of ${value.bytes} bytes (${digest})`;
}
