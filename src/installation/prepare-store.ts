import { join } from 'node:path';
import { describeCause, KnownError } from '../errors/index.ts';
import { makeFolder } from './make-folder.ts';

/** A store into which nothing was pulled yet has neither `manifests/` nor `blobs/`. @throws KnownError FILE_UNWRITABLE */
export function prepareStore(path: string): void {
  try {
    for (const part of ['manifests', 'blobs']) makeFolder(join(path, part), 0o755);
  } catch (error) {
    throw new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
  }
}
