import { diffArrays } from 'diff';
import { printable } from './printable.ts';
import { shownSize } from './shown-size.ts';
import { visibleLine, visiblePair } from './visible-line.ts';

/** A line of either text, with its number there, counted from 1. */
export interface TextLine {
  readonly kind: 'same' | 'removed' | 'added';
  readonly text: string;
  /** Its number before; absent for an added line. */
  readonly before?: number;
  /** Its number after; absent for a removed line. */
  readonly after?: number;
  /** The text ends with this line, and without the newline that ends a line. */
  readonly unended?: true;
}

/** One sentence in place of all lines: the texts are too large to be compared by lines. */
export interface DiffSummary {
  readonly kind: 'summary';
  readonly text: string;
}

export type DiffLine = TextLine | DiffSummary;

export const textDiffLimits = { bytes: 256 * 1024, lines: 5_000 } as const;

/** Lines removed and added up to which the smallest difference is looked for; its cost grows with their square. */
const mostEdits = 1_000;

/** What became of a text, line by line; every line of both is there, removed ones before those added in their place. */
export function diffLines(before: string, after: string): DiffLine[] {
  if ([before, after].some(isTooLarge)) return [summaryOf(before, after)];
  const old = linesOf(before);
  const fresh = linesOf(after);
  const changes = diffArrays(old, fresh, { maxEditLength: mostEdits }) ?? roughly(old, fresh);
  const lines: TextLine[] = [];
  const added: TextLine[] = [];
  const at = { before: 0, after: 0 };
  for (const { value, added: isAdded, removed: isRemoved } of changes) {
    for (const line of value) {
      if (isAdded) {
        at.after += 1;
        added.push({ kind: 'added', ...ending(line), after: at.after });
      } else if (isRemoved) {
        at.before += 1;
        lines.push({ kind: 'removed', ...ending(line), before: at.before });
      } else {
        at.before += 1;
        at.after += 1;
        lines.push(...added.splice(0), { kind: 'same', ...ending(line), before: at.before, after: at.after });
      }
    }
  }
  return [...lines, ...added];
}

interface Change {
  readonly value: string[];
  readonly added: boolean;
  readonly removed: boolean;
}

/** All between the first and the last difference, removed and added: right, if not the smallest difference. */
function roughly(old: string[], fresh: string[]): Change[] {
  const shorter = Math.min(old.length, fresh.length);
  let start = 0;
  while (start < shorter && old[start] === fresh[start]) start += 1;
  let end = 0;
  while (end < shorter - start && old[old.length - 1 - end] === fresh[fresh.length - 1 - end]) end += 1;
  return [
    { value: old.slice(0, start), added: false, removed: false },
    { value: old.slice(start, old.length - end), added: false, removed: true },
    { value: fresh.slice(start, fresh.length - end), added: true, removed: false },
    { value: old.slice(old.length - end), added: false, removed: false },
  ];
}

/** Lines with their newlines: a last line that has none differs from one that has. */
const linesOf = (text: string): string[] => (text === '' ? [] : text.split(/(?<=\n)/));

const ending = (line: string): { text: string; unended?: true } =>
  line.endsWith('\n') ? { text: line.slice(0, -1) } : { text: line, unended: true };

function isTooLarge(text: string): boolean {
  return Buffer.byteLength(text) > textDiffLimits.bytes || countLines(text) > textDiffLimits.lines;
}

const countLines = (text: string): number =>
  newlines(text, text.length) + (text === '' || text.endsWith('\n') ? 0 : 1);

function newlines(text: string, before: number): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1 && at < before; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

function summaryOf(before: string, after: string): DiffSummary {
  const size = (text: string) => {
    const lines = countLines(text);
    return `${shownSize(Buffer.byteLength(text))} in ${lines} line${lines === 1 ? '' : 's'}`;
  };
  if (before === after) return { kind: 'summary', text: `both are the same, ${size(before)}` };
  let first = 0;
  while (before[first] === after[first]) first += 1;
  const line = newlines(before, first) + 1;
  return {
    kind: 'summary',
    text: `too large to compare line by line: ${size(before)} before, ${size(after)} after; they differ from line ${line} on`,
  };
}

export interface TextDiffOptions {
  /** Lines that are the same, shown before and after each change. */
  readonly context?: number;
  readonly color?: boolean;
}

/** The difference as `diff -u` shows it, fit for a terminal whatever the texts hold; nothing where nothing differs. */
export function* renderTextDiff(
  lines: readonly DiffLine[],
  { context = 3, color = false }: TextDiffOptions = {},
): Generator<string> {
  const texts: TextLine[] = [];
  for (const line of lines) {
    if (line.kind === 'summary') yield `${printable(line.text)}\n`;
    else texts.push(line);
  }
  for (const { from, to } of hunksOf(texts, context)) {
    const hunk = texts.slice(from, to);
    yield paint(color, 'head', hunkHead(texts, from, to));
    yield* hunkLines(hunk, color);
  }
}

interface Hunk {
  readonly from: number;
  to: number;
}

function hunksOf(lines: readonly TextLine[], context: number): Hunk[] {
  const hunks: Hunk[] = [];
  for (const [at, { kind }] of lines.entries()) {
    if (kind === 'same') continue;
    const to = Math.min(lines.length, at + 1 + context);
    const last = hunks.at(-1);
    if (last !== undefined && at - context <= last.to) last.to = to;
    else hunks.push({ from: Math.max(0, at - context), to });
  }
  return hunks;
}

/** `@@ -first,count +first,count @@`; where there are no lines, `first` is the line before. */
function hunkHead(lines: readonly TextLine[], from: number, to: number): string {
  const range = (without: TextLine['kind']): string => {
    const count = (part: readonly TextLine[]) => part.filter(({ kind }) => kind !== without).length;
    const length = count(lines.slice(from, to));
    return `${count(lines.slice(0, from)) + (length > 0 ? 1 : 0)},${length}`;
  };
  return `@@ -${range('added')} +${range('removed')} @@`;
}

function* hunkLines(hunk: readonly TextLine[], color: boolean): Generator<string> {
  for (let at = 0; at < hunk.length; ) {
    const removed = runOf(hunk, at, 'removed');
    const added = runOf(hunk, at + removed.length, 'added');
    const same = runOf(hunk, at + removed.length + added.length, 'same');
    const pairs = added.map(({ text }, index) => {
      const old = removed[index];
      return old === undefined ? undefined : visiblePair(old.text, text);
    });
    for (const [index, line] of removed.entries()) {
      yield* shownLine(line, `-${pairs[index]?.[0] ?? visibleLine(line.text)}`, color);
    }
    for (const [index, line] of added.entries()) {
      yield* shownLine(line, `+${pairs[index]?.[1] ?? visibleLine(line.text)}`, color);
    }
    for (const line of same) yield* shownLine(line, ` ${printable(visibleLine(line.text))}`, color);
    at += removed.length + added.length + same.length;
  }
}

function runOf(lines: readonly TextLine[], from: number, kind: TextLine['kind']): TextLine[] {
  let to = from;
  while (lines[to]?.kind === kind) to += 1;
  return lines.slice(from, to);
}

function* shownLine(line: TextLine, shown: string, color: boolean): Generator<string> {
  yield paint(color, line.kind, shown);
  if (line.unended === true) yield paint(color, 'head', '\\ no newline at the end');
}

const codes = { removed: 31, added: 32, head: 2, same: undefined } as const;

function paint(color: boolean, style: keyof typeof codes, line: string): string {
  const code = codes[style];
  return color && code !== undefined ? `\u001b[${code}m${line}\u001b[0m\n` : `${line}\n`;
}
