import { printable } from './printable.ts';

/**
 * What an eye does not see or takes for a plain space: what `printable` escapes, code points that show nothing by
 * default (variation selectors, fillers), those not assigned, blanks that are not the space, marks without a letter.
 */
const unseen =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}|(?<![\p{L}\p{M}])\p{M}+/gu;

const word = /[\p{L}\p{M}\p{N}]+/gu;
const latin = /[A-Za-z]/;
/** Scripts that have letters of the same shape as Latin ones. */
const alike = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}]/gu;

/** The line's own text that could be taken for an escape. */
const likeEscape = /\\(?=u\{)/g;

/**
 * A line in which everything that is there can be seen: invisible characters, tabs, spaces at the end, and look-alike
 * letters within Latin words become `\u{...}`. Two different lines never look the same.
 */
export const visibleLine = (line: string): string => shown(line, unclear(line));

/** Common text beyond this is left out of two lines, but for the part beside what differs. */
const longCommon = 100;
const keptBeside = 60;

/**
 * A line and the one that takes its place. Characters that only look alike (`a` and its Cyrillic twin, one letter
 * composed in two ways) are escaped, and of long lines what differs is shown with its surroundings.
 */
export function visiblePair(before: string, after: string): [string, string] {
  const { start, end } = commonEnds(before, after);
  const sameText = before.normalize('NFKC') === after.normalize('NFKC');
  const one = (line: string, other: string): string => {
    const marked = unclear(line);
    const own = line.slice(start, line.length - end);
    const twin = [...other.slice(start, other.length - end)];
    const aligned = [...own].length === twin.length;
    let at = start;
    for (const [index, character] of [...own].entries()) {
      const poses = sameText || (aligned && isAscii(twin[index] ?? ''));
      if (poses && !isAscii(character)) marked.add(at);
      at += character.length;
    }
    return around(line, marked, start, end);
  };
  return [one(before, after), one(after, before)];
}

function around(line: string, marked: ReadonlySet<number>, start: number, end: number): string {
  const from = start > longCommon ? boundary(line, start - keptBeside) : 0;
  const to = end > longCommon ? boundary(line, line.length - end + keptBeside) : line.length;
  const omitted = (length: number): string => (length > 0 ? `[... ${length} same characters ...]` : '');
  return `${omitted(from)}${shown(line, marked, from, to)}${omitted(line.length - to)}`;
}

/** How many characters two texts share at the beginning and at the end; no surrogate pair is cut. */
function commonEnds(a: string, b: string): { start: number; end: number } {
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a[start] === b[start]) start += 1;
  start = Math.min(boundary(a, start), boundary(b, start));
  let end = 0;
  while (end < shorter - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  while (end > 0 && (cutsPair(a, a.length - end) || cutsPair(b, b.length - end))) end -= 1;
  return { start, end };
}

const cutsPair = (text: string, at: number): boolean =>
  /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(Math.max(0, at - 1), at + 1));

const boundary = (text: string, at: number): number => (cutsPair(text, at) ? at - 1 : at);

const isAscii = (character: string): boolean => character < '\u0080';

/** Where the characters stand that cannot be shown as they are. */
function unclear(line: string): Set<number> {
  const marked = new Set<number>();
  const mark = (text: string, at: number): void => {
    for (let offset = 0; offset < text.length; offset += 1) marked.add(at + offset);
  };
  for (let end = line.length; line[end - 1] === ' '; end -= 1) marked.add(end - 1);
  for (const pattern of [unseen, likeEscape]) {
    for (const { 0: text, index } of line.matchAll(pattern)) mark(text, index);
  }
  for (const { 0: text, index } of line.matchAll(word)) {
    if (!latin.test(text)) continue;
    for (const letter of text.matchAll(alike)) mark(letter[0], index + letter.index);
  }
  return marked;
}

function shown(line: string, marked: ReadonlySet<number>, from = 0, to = line.length): string {
  let text = '';
  let at = from;
  for (const character of line.slice(from, to)) {
    text += marked.has(at) ? `\\u{${character.codePointAt(0)?.toString(16)}}` : character;
    at += character.length;
  }
  return printable(text, Number.POSITIVE_INFINITY);
}
