import { exitBits, explainExitStatus } from '../../src/findings/index.ts';
import { HashPool } from '../../src/hash/index.ts';
import { shortDigest } from '../../src/oci/index.ts';
import { printable, shownSize } from '../../src/report/index.ts';
import { type Rotten, scrub } from '../../src/upkeep/index.ts';
import type { Io } from '../terminal/index.ts';
import { refuseJson, settingsOf, type TypedFlags } from './mirror-settings.ts';
import { type OpenMirror, openMirror } from './open-mirror.ts';

/** Bytes a second when nothing is said: a disk that also serves stays responsive. */
const usualRate = 200_000_000;

/** Blobs that are looked at before the next ones are asked for. */
const page = 1000;

/**
 * `model-mirror scrub`: reads every blob again, the one that was looked at longest ago first, so that a run which is cut
 * short goes on the next time. What rotted is put into quarantine and fetched again.
 */
export async function runScrub(flags: TypedFlags, io: Io): Promise<number> {
  const settings = settingsOf(flags, io);
  refuseJson(settings, 'scrub');
  const mirror = await openMirror(settings, flags, io);
  const threads = Math.min(io.cores, 2);
  const pool = new HashPool({ threads, maxRate: settings['max-rate'] ?? usualRate });
  const stop = () => pool.cancel();
  io.interrupted.addEventListener('abort', stop, { once: true });
  const tally = { sound: 0, bytes: 0, rotten: [] as Rotten[] };
  try {
    const { blobs: count } = await mirror.catalog.totals();
    for (let done = 0; done < count && !io.interrupted.aborted; done += page) {
      const targets = await mirror.catalog.blobsToScrub(Math.min(page, count - done));
      const sizes = new Map(targets.map(({ digest, size }) => [digest, size]));
      await scrub(mirror.blobs, targets, {
        ...{ pool, threads, signal: io.interrupted },
        sound: async (digest) => {
          tally.sound += 1;
          tally.bytes += sizes.get(digest) ?? 0;
          await mirror.catalog.change((change) => change.scrubbed(digest));
        },
        rotten: async (what) => {
          tally.rotten.push(what);
          await told(what, mirror, io);
        },
      }).catch((error: unknown) => {
        if (!io.interrupted.aborted) throw error;
      });
    }
    const restored = await refetch(mirror, tally.rotten, io);
    if (io.interrupted.aborted) return Number(io.interrupted.reason);
    const status = tally.rotten.length > restored ? exitBits.altered : 0;
    await io.stdout.write(
      [
        `${tally.sound} blobs are sound, ${shownSize(tally.bytes)}; ${tally.rotten.length} were not, ${restored} of them are here again`,
        `exit status ${explainExitStatus(status)}`,
        `next: model-mirror ${status === 0 ? 'gc' : 'sync'}`,
        '',
      ].join('\n'),
    );
    return status;
  } finally {
    io.interrupted.removeEventListener('abort', stop);
    await pool.close();
    await mirror.close();
  }
}

async function told({ digest, found, place, problem }: Rotten, { records, catalog }: OpenMirror, io: Io) {
  await records.note({ kind: 'quarantined', blob: digest, found, place: place ?? 'nowhere' });
  await catalog.change((change) => change.scrubbed(digest));
  const where = place === undefined ? '' : `; it lies in ${printable(place)}`;
  await io.stdout.write(`rotten   ${shortDigest(digest)}   ${printable(problem)}${where}\n`);
}

/** Fetches again what was found to be wrong, through the models that name it. @returns how many are here again */
async function refetch(mirror: OpenMirror, rotten: readonly Rotten[], io: Io): Promise<number> {
  if (rotten.length === 0) return 0;
  const nothing = { admitted: () => {}, failed: () => {}, tableWrong: () => {} };
  const admission = mirror.admission(nothing, io.interrupted, { fetchUnlisted: true });
  let after: Awaited<ReturnType<typeof mirror.catalog.models>>[number]['name'] | undefined;
  for (;;) {
    const models = await mirror.catalog.models(page, after);
    for (const { name, bytes } of models) {
      if (!rotten.some(({ digest }) => bytes.includes(digest))) continue;
      await admission.bring(name).catch((error: unknown) => {
        if (!io.interrupted.aborted) void io.stderr.write(`warning: ${printable(String(error))}\n`);
      });
    }
    after = models.at(-1)?.name;
    if (models.length < page) break;
  }
  let restored = 0;
  for (const { digest } of rotten) {
    if ((await mirror.blobs.find(digest)) === undefined) continue;
    restored += 1;
    await mirror.records.note({ kind: 'refetched', blob: digest });
  }
  return restored;
}
