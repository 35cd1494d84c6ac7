/** Runs of numbers shown of a long list. */
const shown = 200;

/**
 * Numbers as a person reads and types them: `3,17-19`.
 *
 * @param most runs that are shown; what follows is `...`
 */
export function shownNumbers(numbers: readonly number[], most = shown): string {
  const runs: string[] = [];
  for (let at = 0; at < numbers.length; ) {
    let end = at;
    while (numbers[end + 1] === (numbers[end] ?? 0) + 1) end += 1;
    runs.push(end === at ? `${numbers[at]}` : `${numbers[at]}-${numbers[end]}`);
    at = end + 1;
  }
  return runs.length <= most ? runs.join(',') : `${runs.slice(0, most).join(',')},...`;
}
