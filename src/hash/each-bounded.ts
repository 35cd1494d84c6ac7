import pLimit from 'p-limit';

/**
 * Works on the items of an iterable, `concurrency` at a time (0 counts as 1: a pool without threads). Items are taken from the iterable only when there is
 * room, so an endless one costs no memory. The first error, of the work or of
 * the iterable, ends the taking and is thrown once what runs has ended.
 */
export async function eachBounded<T>(
  items: Iterable<T>,
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const room = Math.max(1, concurrency);
  const limit = pLimit(room);
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
      if (running.size >= room) await Promise.race(running);
      if (errors.length > 0) break;
    }
  } catch (error) {
    errors.push(error);
  }
  await Promise.all(running);
  if (errors.length > 0) throw errors[0];
}
