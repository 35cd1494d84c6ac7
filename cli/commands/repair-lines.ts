import type { MendedFile } from '../../src/repair/index.ts';
import { printable, shownSize } from '../../src/report/index.ts';

/** What was mended in one model: a line for each file, and where what was there lies now. */
export function mendedLines(shown: string, mended: readonly MendedFile[]): string {
  const lines = mended.map(
    (file) => `repaired  ${shown}   ${printable(file.layer)} was ${file.was}: ${fetchedOf(file)}`,
  );
  const kept = mended.flatMap(({ kept: place }) =>
    place === undefined ? [] : [`  kept    ${printable(place)}`],
  );
  return `${[...lines, ...kept].join('\n')}\n`;
}

/** What was fetched for one model that is put into a store, or would be. */
export function installedLines(shown: string, mended: readonly MendedFile[], dryRun: boolean): string {
  const bytes = mended.reduce((sum, { fetched }) => sum + fetched, 0);
  const kept = mended.flatMap(({ kept: place }) =>
    place === undefined ? [] : [`  kept    ${printable(place)}`],
  );
  const line = dryRun
    ? `would install ${shown}   ${shownSize(bytes)} to fetch`
    : `installed ${shown}   ${shownSize(bytes)} fetched`;
  return `${[line, ...kept].join('\n')}\n`;
}

function fetchedOf({ fetched, pieces }: MendedFile): string {
  const some = pieces === undefined ? '' : ` (${pieces.wrong} of ${pieces.of} pieces)`;
  return `${shownSize(fetched)} fetched${some}`;
}
