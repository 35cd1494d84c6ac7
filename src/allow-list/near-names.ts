import { parseModelName } from '../oci/index.ts';

/** Characters and pairs that are read as another: the eye's alphabet, smaller than Ollama's. */
const alike: readonly (readonly [RegExp, string])[] = [
  [/rn/g, 'm'],
  [/vv/g, 'w'],
  [/cl/g, 'd'],
  [/[1i|]/g, 'l'],
  [/0/g, 'o'],
  [/5/g, 's'],
  [/2/g, 'z'],
  [/8/g, 'b'],
];

const separators = /[._:-]/g;

/** A name as it looks at a glance: no case, no separators, look-alikes made one. */
function glance(text: string): string {
  const folded = text.toLowerCase().replace(separators, '');
  return alike.reduce((seen, [from, to]) => seen.replace(from, to), folded);
}

/**
 * Listed names that `name` could be taken for: they look alike at a glance (`1ibrary` and `library`, `qwen35` and
 * `qwen3.5`), or one letter of the model, namespace or host is missing, doubled, swapped or another (`lama3.2`).
 * Other digits are another version, not a near-name.
 */
export function nearNames(name: string, listed: Iterable<string>): string[] {
  const own = partsOf(name);
  return [...listed].filter((other) => other !== name && isNear(own, partsOf(other)));
}

type Parts = readonly [string, string, string, string];

function partsOf(name: string): Parts {
  const { host, namespace, model, tag } = parseModelName(name);
  return [host, namespace, model, tag];
}

/** Same tag or not: what is judged are host, namespace and model, of which at least one must be near but not equal. */
function isNear(a: Parts, b: Parts): boolean {
  const [hosts, namespaces, models] = [relation(a[0], b[0]), relation(a[1], b[1]), relation(a[2], b[2])];
  const all = [hosts, namespaces, models];
  return all.every((how) => how !== 'different') && all.includes('near');
}

function relation(a: string, b: string): 'same' | 'near' | 'different' {
  if (a === b) return 'same';
  if (glance(a) === glance(b)) return 'near';
  const [digitsA, digitsB] = [a.replace(/[^0-9]/g, ''), b.replace(/[^0-9]/g, '')];
  const letters = (text: string) => text.toLowerCase().replace(/[^a-z]/g, '');
  const long = Math.min(letters(a).length, letters(b).length) >= 4;
  return long && digitsA === digitsB && oneEditApart(letters(a), letters(b)) ? 'near' : 'different';
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
