import { closeSync } from 'node:fs';
import { KnownError } from '../errors/index.ts';
import { type Directory, type RawName, readSmall, textToRaw } from '../files/index.ts';
import { type ModelName, manifestSizeLimit } from '../oci/index.ts';
import type { OllamaStore } from './ollama-store.ts';

/**
 * The exact bytes of one model's manifest; links are followed where links of this store may lead.
 *
 * @throws KnownError FILE_CHANGED, FILE_UNREADABLE; system errors (ENOENT, EACCES)
 */
export function readOneManifest(store: OllamaStore, name: ModelName): Buffer {
  const opened: Directory[] = [];
  let fd: number | undefined;
  try {
    let directory = store.manifests;
    if (directory === undefined)
      throw new KnownError('FILE_UNREADABLE', { problem: 'manifests/ cannot be read' });
    for (const level of [name.host, name.namespace, name.model]) {
      directory = openLevel(store, directory, textToRaw(level));
      opened.push(directory);
    }
    fd = openManifest(store, directory, textToRaw(name.tag));
    const bytes = readSmall(fd, manifestSizeLimit);
    if (bytes !== undefined) return bytes;
    throw new KnownError('FILE_UNREADABLE', { problem: 'it is larger than 4 MiB' });
  } finally {
    if (fd !== undefined) closeSync(fd);
    for (const directory of opened) directory[Symbol.dispose]();
  }
}

function openLevel(store: OllamaStore, above: Directory, name: RawName): Directory {
  const target = behindLink(store, above, name);
  return target === undefined ? above.openDirectory(name) : store.links.openDirectory(target);
}

function openManifest(store: OllamaStore, above: Directory, name: RawName): number {
  const target = behindLink(store, above, name);
  return target === undefined ? above.openFile(name) : store.links.openFile(target);
}

/** Where a link leads; undefined where there is none. */
function behindLink(store: OllamaStore, above: Directory, name: RawName): RawName | undefined {
  if (!above.lstat(name).isSymbolicLink()) return undefined;
  const link = store.links.resolve(above.reach(name));
  if (link.kind === 'allowed') return link.target;
  throw new KnownError('FILE_CHANGED', { problem: 'it lies behind a link that may not be followed' });
}
