import { chmodSync, lstatSync, mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemCode } from '../errors/index.ts';
import { type Directory, syncDirectory } from '../files/index.ts';
import type { Digest, ModelName } from '../oci/index.ts';
import { blobFileName } from '../store/index.ts';
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
  utimesSync(blobs.reach(blobFileName(digest)), now, now);
}

/** Puts a manifest into a store; the old one is kept, with the reason. @returns where; undefined where there was none */
export function installManifest(
  store: string,
  { host, namespace, model, tag }: ModelName,
  bytes: Buffer,
  work: WorkPlace,
  reason: string,
): string | undefined {
  const folder = join(store, 'manifests', host, namespace, model);
  const path = join(folder, tag);
  const made = mkdirSync(folder, { recursive: true, mode: 0o755 });
  const there = kindOf(path);
  const aside = `${host}-${namespace}-${model}-${tag}`.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 180);
  const kept =
    there === undefined
      ? undefined
      : there === 'file'
        ? work.keep(Buffer.from(path), aside, reason)
        : work.setAside(Buffer.from(path), aside, reason);
  const staged = join(work.path, 'partial', `manifest-${aside}`);
  writeFileSync(staged, bytes, { mode: 0o644, flush: true });
  // Whatever the umask: Ollama may run as another user of the same group.
  chmodSync(staged, 0o644);
  renameSync(staged, path);
  // A directory that was made is an entry of the one above it.
  for (let above = folder; ; above = dirname(above)) {
    syncDirectory(above);
    if (made === undefined || above === dirname(made)) break;
    chmodSync(above, 0o755);
  }
  return kept;
}

function kindOf(path: string): 'file' | 'other' | undefined {
  try {
    return lstatSync(path).isFile() ? 'file' : 'other';
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
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
