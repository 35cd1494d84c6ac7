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
  const others = changes.filter((change) => !isTemplate(change));
  for (const change of [...changes.filter(isTemplate), ...others.slice(0, keysShown)])
    yield* shownChange(change, color);
  if (others.length > keysShown) yield `    and ${others.length - keysShown} more keys, which --json shows\n`;
}

function* shownChange(change: GgufChange, color: boolean): Generator<string> {
  const { key, before, after, types } = change;
  const stored = types === undefined ? '' : `   (stored as ${types.before}, then ${types.after})`;
  const isText = [before, after].some((value) => typeof value === 'string' && value !== '');
  const long = [before, after].some((value) => typeof value === 'string' && !isPlain(value));
  if (!isText || before === after || !(long || isTemplate(change))) {
    yield `    ${printable(key)}: ${shownValue(before)} -> ${shownValue(after)}${stored}\n`;
    return;
  }
  // A side that is no text is named in the heading: a diff would show it as nothing at all.
  const other = [before, after].some((value) => value !== undefined && typeof value !== 'string');
  const sides = other ? ` ${namedSide(before)} -> ${namedSide(after)}` : '';
  yield `    ${printable(key)}:${sides}${stored}\n`;
  for (const line of renderTextDiff(diffLines(textOf(before), textOf(after)), { color }))
    yield `      ${line}`;
}

const textOf = (value: GgufValue | undefined): string => (typeof value === 'string' ? value : '');

const namedSide = (value: GgufValue | undefined): string =>
  typeof value === 'string' ? 'the text below' : shownValue(value);

/** Without quotes too: a text could else end its own quotation and forge the other side. */
const isPlain = (text: string): boolean => text.length <= shortText && /^[ !\x23-\x7e]*$/.test(text);

function shownValue(value: GgufValue | undefined): string {
  if (value === undefined) return 'none';
  if (typeof value === 'string') return `"${printable(value)}"`;
  // String(-0) is 0, and the two are told apart.
  if (typeof value !== 'object') return Object.is(value, -0) ? '-0' : String(value);
  const digest = value.digest.slice('sha256:'.length, 'sha256:'.length + 12);
  if (value.kind === 'long text')
    return `a text of ${value.bytes} bytes (${digest}) that begins ${quoted(value.first)}`;
  const known = value.first.map((entry) => (typeof entry === 'string' ? quoted(entry) : shownValue(entry)));
  const more = value.count > known.length ? [...known, '...'] : known;
  return `${value.count} x ${value.elementType} [${more.join(', ')}] (${digest})`;
}

/** As JSON has it, so that no text ends its own quotation. */
const quoted = (text: string): string => printable(JSON.stringify(text.slice(0, shortText)));
