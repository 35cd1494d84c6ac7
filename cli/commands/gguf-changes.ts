import type { GgufChange, GgufValue } from '../../src/gguf/index.ts';
import { diffLines, printable, renderTextDiff } from '../../src/report/index.ts';

/** Keys shown of one GGUF, chat templates not counted. */
const keysShown = 40;

/** Texts up to this length stand on one line, when nothing in them could be taken for something else. */
const shortText = 60;

/** What the model is told to say: whoever changes it changes every answer. */
const isTemplate = ({ key }: GgufChange): boolean => key.startsWith('tokenizer.chat_template');

/** What the weights say of themselves now and said before: chat templates first, so that nothing can push them out. */
export function* shownGgufChanges(changes: readonly GgufChange[], color: boolean): Generator<string> {
  if (changes.length === 0) yield '    its metadata is the same; the tensors differ\n';
  const others = changes.filter((change) => !isTemplate(change));
  for (const change of [...changes.filter(isTemplate), ...others.slice(0, keysShown)])
    yield* shownChange(change, color);
  if (others.length > keysShown) yield `    and ${others.length - keysShown} more keys\n`;
}

function* shownChange(change: GgufChange, color: boolean): Generator<string> {
  const { key, before, after, types } = change;
  const stored = types === undefined ? '' : `   (stored as ${types.before}, then ${types.after})`;
  const texts = [before, after].filter((value) => value !== undefined);
  const long = texts.some((value) => typeof value === 'string' && !isPlain(value));
  if (!texts.every((value) => typeof value === 'string') || !(long || isTemplate(change))) {
    yield `    ${printable(key)}: ${shownValue(before)} -> ${shownValue(after)}${stored}\n`;
    return;
  }
  yield `    ${printable(key)}:${stored}\n`;
  const lines = diffLines(String(before ?? ''), String(after ?? ''));
  for (const line of renderTextDiff(lines, { color })) yield `      ${line}`;
}

const isPlain = (text: string): boolean => text.length <= shortText && /^[\x20-\x7e]*$/.test(text);

function shownValue(value: GgufValue | undefined): string {
  if (value === undefined) return 'none';
  if (typeof value === 'string') return `"${printable(value)}"`;
  if (typeof value !== 'object') return String(value);
  const digest = value.digest.slice('sha256:'.length, 'sha256:'.length + 12);
  return value.kind === 'array'
    ? `${value.count} x ${value.elementType} (${digest})`
    : `a text of ${value.bytes} bytes (${digest})`;
}
