/**
 * Sorts numbers where they lie (heapsort, J. W. J. Williams 1964). The sort of the language boxes every number and
 * keeps two copies: tens of MiB for a store with a million blobs.
 */
export function sortInPlace(numbers: Uint32Array, compare: (a: number, b: number) => number): Uint32Array {
  const { length } = numbers;
  for (let root = (length >> 1) - 1; root >= 0; root -= 1) sink(numbers, root, length, compare);
  for (let end = length - 1; end > 0; end -= 1) {
    const last = numbers[end] ?? 0;
    numbers[end] = numbers[0] ?? 0;
    numbers[0] = last;
    sink(numbers, 0, end, compare);
  }
  return numbers;
}

/** Lets the number at `from` sink to its place in the heap that ends before `end`. */
function sink(
  numbers: Uint32Array,
  from: number,
  end: number,
  compare: (a: number, b: number) => number,
): void {
  const sinking = numbers[from] ?? 0;
  let at = from;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= end) break;
    if (child + 1 < end && compare(numbers[child] ?? 0, numbers[child + 1] ?? 0) < 0) child += 1;
    if (compare(sinking, numbers[child] ?? 0) >= 0) break;
    numbers[at] = numbers[child] ?? 0;
    at = child;
  }
  numbers[at] = sinking;
}
