/** Longest word for which a neighbour is looked for. */
const longest = 120;

/** Cells of the tables of edits that one search fills at most: the words of a store may be a million. */
const mostCells = 2_000_000;

/** What a search has cost; whoever wants to know gives one. */
export interface Effort {
  /** Cells of tables of edits. */
  cells: number;
}

/**
 * The candidate with the fewest edits to `word`, if it is near enough to be meant: a third of the word's length. Words and
 * candidates may come from anybody: long ones are passed over, and the search ends with the best so far when it has cost
 * enough.
 */
export function nearest(
  word: string,
  candidates: Iterable<string>,
  effort: Effort = { cells: 0 },
): string | undefined {
  if (word.length > longest) return undefined;
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate.length > longest || Math.abs(candidate.length - word.length) >= least) continue;
    const edits = editsBelow(least, wanted, candidate.toLowerCase(), effort);
    if (edits !== undefined) [best, least] = [candidate, edits];
    if (least === 0 || effort.cells >= mostCells) break;
  }
  return best;
}

/**
 * Edits from one word to the other, two neighbours that changed places counted as one (optimal string alignment);
 * undefined where they are not below `limit`. Only the cells near the diagonal are filled: beyond them are more edits.
 */
function editsBelow(limit: number, a: string, b: string, effort: Effort): number | undefined {
  let before: readonly number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const [first, last] = [Math.max(1, i - limit + 1), Math.min(b.length, i + limit - 1)];
    const next: number[] = new Array(b.length + 1).fill(limit);
    if (first === 1) next[0] = i;
    let fewest = next[0] ?? limit;
    for (let j = first; j <= last; j += 1) {
      const replaced = (row[j - 1] ?? limit) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? (before[j - 2] ?? limit) + 1 : replaced;
      const cell = Math.min(replaced, swap, (row[j] ?? limit) + 1, (next[j - 1] ?? limit) + 1);
      next[j] = cell;
      fewest = Math.min(fewest, cell);
    }
    effort.cells += Math.max(0, last - first + 1);
    // A swap looks two rows back: one row without hope is not the end.
    if (fewest >= limit && Math.min(...row) >= limit) return undefined;
    [before, row] = [row, next];
  }
  const edits = row[b.length] ?? limit;
  return edits < limit ? edits : undefined;
}
