import { KnownError } from '../../src/errors/index.ts';

/** Numbers shown of a long list. */
const shown = 200;

/** `3,17-19` as numbers. @throws KnownError USAGE */
export function parseVolumeNumbers(text: string, count: number): ReadonlySet<number> {
  const numbers = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^([1-9][0-9]{0,5})(?:-([1-9][0-9]{0,5}))?$/.exec(part.trim());
    const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (match === null || from > to || to > count)
      throw new KnownError('USAGE', {
        problem: `--volumes: ${part.slice(0, 40)} is none of the volumes 1 to ${count}`,
      });
    for (let number = from; number <= to; number += 1) numbers.add(number);
  }
  return numbers;
}

/** Numbers as a person reads and types them: `3,17-19`. */
export function shownNumbers(numbers: readonly number[]): string {
  const runs: string[] = [];
  for (let at = 0; at < numbers.length; ) {
    let end = at;
    while (numbers[end + 1] === (numbers[end] ?? 0) + 1) end += 1;
    runs.push(end === at ? `${numbers[at]}` : `${numbers[at]}-${numbers[end]}`);
    at = end + 1;
  }
  return runs.length <= shown ? runs.join(',') : `${runs.slice(0, shown).join(',')},...`;
}
