import type { Directory } from '../files/index.ts';
import type { Digest } from '../oci/index.ts';
import { blobFileName } from '../store/index.ts';

/**
 * How long a clean-up of Ollama may be at work that began before a manifest was there: so often in a row, so many
 * milliseconds apart, everything that the manifest names must be there.
 */
export const cleanUpLooks = { times: 5, everyMs: 1000 } as const;

/** Younger blobs are spared by a clean-up: it takes what is older than an hour, and is done before these are. */
const sparedMs = 30 * 60_000;

/** Whether a clean-up of Ollama, which may be going on, takes a blob that no manifest names; also of one that is gone. */
export function mayBeTaken(blobs: Directory, digest: Digest, now: Date): boolean {
  try {
    return now.getTime() - blobs.lstat(blobFileName(digest)).mtimeMs >= sparedMs;
  } catch {
    return true;
  }
}
