import type { Directory } from '../files/index.ts';
import type { Digest } from '../oci/index.ts';
import { blobFileName } from '../store/index.ts';

/** A partial file that was written within this time belongs to a download that is going on. */
const freshMs = 60_000;
const lookMs = 5_000;

export interface WaitEffects {
  readonly now: () => Date;
  /** Waits so many milliseconds, less when the signal is aborted. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Waits, a minute at most, for Ollama to end a download of this blob.
 *
 * @returns whether nobody downloads it any more
 */
export async function downloadEnded(
  blobs: Directory,
  digest: Digest,
  { now, wait, signal }: WaitEffects,
): Promise<boolean> {
  const name = blobFileName(digest);
  const isDownloading = () => {
    for (const entry of blobs.names()) {
      if (!entry.startsWith(`${name}-partial`) && entry !== `${name}.tmp`) continue;
      if (now().getTime() - blobs.lstat(entry).mtimeMs < freshMs) return true;
    }
    return false;
  };
  for (let waited = 0; isDownloading(); waited += lookMs) {
    if (waited >= freshMs) return false;
    await wait(lookMs, signal);
    signal.throwIfAborted();
  }
  return true;
}
