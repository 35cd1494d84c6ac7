import { createHash } from 'node:crypto';

/** The name of a state file that speaks of these words, whatever characters they have: 64 bits of their SHA-256. */
export const stateName = (kind: string, ...words: readonly string[]): string =>
  `${kind}-${createHash('sha256').update(words.join('\n')).digest('hex').slice(0, 16)}.json`;
