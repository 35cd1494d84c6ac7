import { closeSync } from 'node:fs';
import { KnownError } from '../errors/index.ts';
import { type Directory, readSmall, textToRaw } from '../files/index.ts';
import { fullName, type ModelName, manifestSizeLimit } from '../oci/index.ts';
import type { OllamaStore } from './ollama-store.ts';

/**
 * The exact bytes of one model's manifest, no link followed.
 *
 * @throws KnownError FILE_CHANGED, FILE_UNREADABLE; system errors (ENOENT, EACCES)
 */
export function readOneManifest(store: OllamaStore, name: ModelName): Buffer {
  const levels = [name.host, name.namespace, name.model].map(textToRaw);
  const opened: Directory[] = [];
  let fd: number | undefined;
  try {
    let directory = store.manifests;
    for (const level of levels) {
      directory = directory?.openDirectory(level);
      if (directory !== undefined) opened.push(directory);
    }
    if (directory === undefined)
      throw new KnownError('FILE_UNREADABLE', { problem: 'manifests/ is not there' });
    fd = directory.openFile(textToRaw(name.tag));
    const bytes = readSmall(fd, manifestSizeLimit);
    if (bytes !== undefined) return bytes;
    throw new KnownError('FILE_UNREADABLE', {
      problem: `the manifest of ${fullName(name)} is larger than 4 MiB`,
    });
  } finally {
    if (fd !== undefined) closeSync(fd);
    for (const directory of opened) directory[Symbol.dispose]();
  }
}
