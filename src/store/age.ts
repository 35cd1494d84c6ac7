const units: readonly (readonly [number, string])[] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
];

/** How long ago, in the largest unit that fits: `3 days`. Times ahead of the clock are `0 minutes`. */
export function ageOf(mtimeMs: number, now: Date): string {
  const ms = Math.max(0, now.getTime() - mtimeMs);
  const [unit, word] = units.find(([length]) => ms >= length) ?? [60_000, 'minute'];
  const count = Math.floor(ms / unit);
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
