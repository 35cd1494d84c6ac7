import pLimit from 'p-limit';

/**
 * Works on the items of an iterable, `concurrency` at a time. Items are taken from the iterable only when there is
 * room, so an endless one costs no memory. The first error, of the work or of
 * the iterable, ends the taking and is thrown once what runs has ended.
 */
export async function eachBounded<T>(
  items: Iterable<T>,
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const limit = pLimit(concurrency);
  const running = new Set<Promise<void>>();
  const errors: unknown[] = [];
  try {
    for (const item of items) {
      const task: Promise<void> = limit(work, item)
        .catch((error: unknown) => {
          errors.push(error);
        })
        .finally(() => running.delete(task));
      running.add(task);
      if (running.size >= concurrency) await Promise.race(running);
      if (errors.length > 0) break;
    }
  } catch (error) {
    errors.push(error);
  }
  await Promise.all(running);
  if (errors.length > 0) throw errors[0];
}
