import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeCause, KnownError } from '../errors/index.ts';

/** A store into which nothing was pulled yet has neither `manifests/` nor `blobs/`. @throws KnownError FILE_UNWRITABLE */
export function prepareStore(path: string): void {
  try {
    for (const part of ['manifests', 'blobs']) mkdirSync(join(path, part), { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
  }
}
