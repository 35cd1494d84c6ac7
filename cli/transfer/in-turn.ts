import type { IncompleteArchive, WholeArchive } from '../../src/archive/index.ts';
import { printable } from '../../src/report/index.ts';
import type { Io } from '../terminal/index.ts';

/**
 * Takes archives one after the other. Where there are several, the one that cannot be taken is named: the error speaks
 * of its bytes alone.
 *
 * @throws what `take` throws
 */
export async function inTurn<Found extends WholeArchive | IncompleteArchive>(
  found: readonly Found[],
  take: (archive: Found) => Promise<void>,
  io: Io,
): Promise<void> {
  for (const [at, archive] of found.entries()) {
    try {
      await take(archive);
    } catch (error) {
      if (found.length > 1) {
        const before = at === 0 ? 'nothing was taken' : `${at} before it ${at === 1 ? 'was' : 'were'} taken`;
        await io.stderr.write(
          `${printable(archive.path)}: archive ${at + 1} of ${found.length} ends this run; ${before}\n`,
        );
      }
      throw error;
    }
  }
}
