import { KnownError } from '../../src/errors/index.ts';

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
