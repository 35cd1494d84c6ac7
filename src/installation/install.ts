import { chmodSync, lstatSync, lutimesSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from '../errors/index.ts';
import { type Directory, syncDirectory, textToRaw } from '../files/index.ts';
import type { Digest, ModelName } from '../oci/index.ts';
import { blobFileName, type OllamaStore } from '../store/index.ts';
import { inModelFolder } from './model-folder.ts';
import type { WorkPlace } from './work-place.ts';

/** Mode of a blob as Ollama makes it (server/create.go, manifest/layer.go). */
const blobMode = 0o644;

/**
 * Puts a received blob into a store, in one step: whoever opens its name gets the old file or the right one. The old
 * file is kept in the quarantine.
 *
 * @returns where the old file is kept; undefined where there was none
 */
export function installBlob(
  blobs: Directory,
  digest: Digest,
  work: WorkPlace,
  reason: string,
): string | undefined {
  const name = blobFileName(digest);
  const target = blobs.reach(name);
  const received = work.blobs.placeOf(digest);
  chmodSync(received, blobMode);
  const kept = isThere(target) ? work.keep(target, name, reason) : undefined;
  renameSync(received, target);
  syncDirectory(dirname(received));
  return kept;
}

/** A file that nothing names yet must look new: Ollama deletes what is older than an hour at its next start. */
export function touchBlob(blobs: Directory, digest: Digest, now: Date): void {
  // Not of what a link leads to, which may lie there by now.
  lutimesSync(blobs.reach(blobFileName(digest)), now, now);
}

/**
 * Puts a manifest into a store, behind no link; the old one is kept, with the reason.
 *
 * @returns where; undefined where there was none
 * @throws KnownError FILE_UNWRITABLE; system errors
 */
export function installManifest(
  store: Pick<OllamaStore, 'path' | 'manifests'>,
  name: ModelName,
  bytes: Buffer,
  work: WorkPlace,
  reason: string,
): string | undefined {
  const { host, namespace, model, tag } = name;
  const aside = `${host}-${namespace}-${model}-${tag}`.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 180);
  return inModelFolder(store, name, work.uid, (folder) => {
    const target = folder.reach(textToRaw(tag));
    const there = kindOf(target);
    const kept =
      there === undefined
        ? undefined
        : there === 'file'
          ? work.keep(target, aside, reason)
          : work.setAside(target, aside, reason);
    const staged = join(work.path, 'partial', `manifest-${aside}`);
    writeFileSync(staged, bytes, { mode: 0o644, flush: true });
    // Whatever the umask: Ollama may run as another user of the same group.
    chmodSync(staged, 0o644);
    renameSync(staged, target);
    return kept;
  });
}

function kindOf(path: Buffer): 'file' | 'other' | undefined {
  try {
    return lstatSync(path).isFile() ? 'file' : 'other';
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isThere(path: Buffer): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}
