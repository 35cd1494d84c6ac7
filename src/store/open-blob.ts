import { KnownError, systemCode } from '../errors/index.ts';
import type { BlobIndex, BlobTable } from './blob-table.ts';
import type { OllamaStore } from './ollama-store.ts';

/**
 * Opens a blob for hashing and gives its descriptor, which the caller closes. A link is resolved again, and what was
 * opened must still lie where links may lead.
 *
 * @throws KnownError FILE_CHANGED when it is not what it was; system errors (EACCES, EIO, ENOENT)
 */
export function openBlob(store: OllamaStore, table: BlobTable, index: BlobIndex): number {
  const directory = store.blobs;
  if (directory === undefined) throw new KnownError('FILE_CHANGED', { problem: 'blobs/ is gone' });
  const name = table.fileName(index);
  if (!table.isLink(index)) {
    try {
      return directory.openFile(name);
    } catch (error) {
      if (systemCode(error) !== 'ELOOP') throw error;
      throw new KnownError('FILE_CHANGED', { problem: 'a link was put in its place' }, error);
    }
  }
  const target = store.links.resolve(directory.reach(name));
  if (target.kind !== 'allowed')
    throw new KnownError('FILE_CHANGED', { problem: 'its link leads elsewhere now' });
  return store.links.openFile(target.target);
}
