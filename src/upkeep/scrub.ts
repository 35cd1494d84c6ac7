import type { BlobStorage } from '../blobs/index.ts';
import { describeCause, KnownError } from '../errors/index.ts';
import { eachBounded, type HashPool } from '../hash/index.ts';
import type { Digest } from '../oci/index.ts';

/** A blob that is to be looked at. */
export interface ScrubTarget {
  readonly digest: Digest;
  readonly size: number;
}

/** What was found wrong with one. */
export interface Rotten {
  readonly digest: Digest;
  /** What its bytes are now; undefined where they could not be read, or it is not there. */
  readonly found: Digest | undefined;
  /** Where it lies now; undefined where there was nothing to move. */
  readonly place: string | undefined;
  readonly problem: string;
}

export interface ScrubEffects {
  /** Whole digests; its rate and threads are the caller's. */
  readonly pool: HashPool;
  readonly threads: number;
  /** A blob is what its name says. */
  readonly sound: (digest: Digest) => Promise<void>;
  readonly rotten: (what: Rotten) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Reads blobs again and holds each against its name. One that is another is moved to the quarantine: it is never served
 * again, and never deleted.
 */
export async function scrub(
  storage: BlobStorage,
  targets: readonly ScrubTarget[],
  effects: ScrubEffects,
): Promise<void> {
  await eachBounded(targets, effects.threads, async ({ digest, size }) => {
    if (effects.signal.aborted) return;
    const verdict = await look(storage, { digest, size }, effects.pool);
    if (effects.signal.aborted) return;
    if (verdict === 'sound') await effects.sound(digest);
    else await effects.rotten(verdict);
  });
}

async function look(
  storage: BlobStorage,
  { digest, size }: ScrubTarget,
  pool: HashPool,
): Promise<'sound' | Rotten> {
  const stored = await storage.find(digest);
  if (stored === undefined) return { digest, found: undefined, place: undefined, problem: 'it is not there' };
  let found: Digest | undefined;
  let problem: string;
  const open = await storage.read(digest);
  try {
    const whole = await pool.digest(open.fd, digest);
    if (whole.digest === digest && whole.size === size) return 'sound';
    found = whole.digest;
    problem = whole.size === size ? `its bytes are ${found}` : `it has ${whole.size} bytes, not ${size}`;
  } catch (error) {
    if (error instanceof KnownError && error.code === 'CANCELLED') throw error;
    problem = `it cannot be read: ${describeCause(error)}`;
  } finally {
    await open.close();
  }
  return { digest, found, place: await storage.quarantine(digest, problem), problem };
}
