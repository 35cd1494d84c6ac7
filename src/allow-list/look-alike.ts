/** Characters and pairs that are read as another: the eye's alphabet, smaller than Ollama's. */
const readAs: ReadonlyMap<string, string> = new Map([
  ...([
    ['rn', 'm'],
    ['vv', 'w'],
    ['cl', 'd'],
    ['1', 'l'],
    ['i', 'l'],
    ['|', 'l'],
  ] as const),
  ...([
    ['0', 'o'],
    ['5', 's'],
    ['2', 'z'],
    ['8', 'b'],
  ] as const),
]);
const alike = /rn|vv|cl|[1i|0528]/g;

const separators = /[._:-]/g;

/** Shortest word of which one letter more or less is not another word. */
export const shortestWord = 4;

/** A text as it looks at a glance: no case, no separators, look-alikes made one. */
export function glance(text: string): string {
  const folded = text.toLowerCase().replace(separators, '');
  return folded.replace(alike, (seen) => readAs.get(seen) ?? seen);
}

/** The letters of a text, in lower case. */
export const lettersOf = (text: string): string => text.toLowerCase().replace(/[^a-z]/g, '');

export const digitsOf = (text: string): string => text.replace(/[^0-9]/g, '');

/** Whether one part of a name could be taken for another: alike at a glance, or the same digits and one letter apart. */
export function isNear(a: string, b: string): boolean {
  if (glance(a) === glance(b)) return true;
  const [one, other] = [lettersOf(a), lettersOf(b)];
  const long = Math.min(one.length, other.length) >= shortestWord;
  return long && digitsOf(a) === digitsOf(b) && oneEditApart(one, other);
}

/** One letter more, less, other, or two neighbours swapped. */
function oneEditApart(a: string, b: string): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (long.length - short.length > 1) return false;
  let at = 0;
  while (at < short.length && short[at] === long[at]) at += 1;
  if (short.length < long.length) return short.slice(at) === long.slice(at + 1);
  if (short.slice(at + 1) === long.slice(at + 1)) return true;
  const swapped = short[at] === long[at + 1] && short[at + 1] === long[at];
  return swapped && short.slice(at + 2) === long.slice(at + 2);
}
