import { KnownError } from '../errors/index.ts';
import { FileSource } from './byte-source.ts';
import { readVolume } from './incoming.ts';
import type { VolumeFile } from './medium-file.ts';
import { shownNumbers } from './shown-numbers.ts';
import { payloadStart, volumeFileSize } from './volume.ts';

/** A volume whose bytes are not those that were sent, as an error. */
export const isDamage = (error: unknown): error is KnownError =>
  error instanceof KnownError && error.code === 'VOLUME_DAMAGED';

/**
 * All damaged volumes in one error: whoever has them brought again goes that way once.
 *
 * @param lacking numbers of all that is to be brought; the damaged ones, where nothing is said
 * @returns undefined where none is damaged
 */
export function asOneError(
  damaged: readonly KnownError[],
  lacking?: readonly number[],
): KnownError | undefined {
  const byNumber = [...new Map(damaged.map((error) => [Number(error.facts.number), error]))];
  const [[, first] = [], ...others] = byNumber.sort(([a], [b]) => a - b);
  if (first === undefined) return undefined;
  const more = shownNumbers(others.map(([number]) => number));
  return new KnownError('VOLUME_DAMAGED', {
    ...first.facts,
    problem: `${first.facts.problem}${more === '' ? '' : `; damaged too: ${more}`}`,
    numbers: shownNumbers(lacking ?? byNumber.map(([number]) => number)),
  });
}

/** Whatever is damaged of these volumes, by their sums; undefined where nothing is. */
export async function damageOf(volumes: readonly VolumeFile[]): Promise<KnownError | undefined> {
  const damaged: KnownError[] = [];
  for (const { path, fd, header } of volumes) {
    const length = volumeFileSize(header) - payloadStart;
    try {
      await readVolume(header, new FileSource([{ path, fd, start: payloadStart, length }]), async () => {});
    } catch (error) {
      if (!isDamage(error)) throw error;
      damaged.push(error);
    }
  }
  return asOneError(damaged);
}
