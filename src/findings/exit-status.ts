/** A sum of bits: 1 altered, 2 not trusted, 4 could not be checked, 8 missing. */
export type ExitBits = number;

export const exitBits = { altered: 1, untrusted: 2, unchecked: 4, missing: 8 } as const;

/** Only the four bits of a check. */
export const allBits = (bits: number): ExitBits => bits & 15;

const meanings: readonly (readonly [number, string])[] = [
  [exitBits.altered, 'altered'],
  [exitBits.untrusted, 'not trusted'],
  [exitBits.unchecked, 'could not be checked'],
  [exitBits.missing, 'missing'],
];

/** An exit status in words, for the end of every report: `5 = 1 altered + 4 could not be checked`. */
export function explainExitStatus(status: number): string {
  if (status === 0) return '0 = all is well';
  if (status > 15) return status > 128 ? `${status} = ended by signal ${status - 128}` : `${status}`;
  const parts = meanings.filter(([bit]) => (status & bit) !== 0).map(([bit, word]) => `${bit} ${word}`);
  return `${status} = ${parts.join(' + ')}`;
}

/** The lines of `--help` that explain the exit status. */
export const exitStatusHelp = [
  'Exit status, a sum of bits:',
  '  0  all is well',
  '  1  altered: bytes differ from their digest, wrong size, a broken or ambiguous manifest',
  '  2  not trusted',
  '  4  could not be checked: I/O, permission, not a regular file, a link that leaves the store',
  '  8  missing: a blob is not there',
  'Values of their own, never added: 64 wrong usage, 70 internal error, 130 Ctrl-C, 143 terminated;',
  '126 and 127 when exec has no command that can be run.',
].join('\n');
