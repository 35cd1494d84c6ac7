import { createHash } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import { makeFolders, readSmall, replaceFile } from '../files/index.ts';
import { type ChunkTable, parseChunkTable } from '../hash/index.ts';
import { type Digest, digestFromBytes, digestHex, manifestSizeLimit } from '../oci/index.ts';
import type { ListedDescriptor } from './allow-list.ts';

/** A chunk table of the largest blob worth one: 2 TiB in pieces of 1 MiB. */
const tableSizeLimit = 64 * 1024 * 1024;

/**
 * Files that lie beside a list, each named after its own SHA-256: chunk tables in `chunks/`, exact manifests in
 * `manifests/`. "Beside" is beside the path as it was typed, so that a list which is a link (a ConfigMap) is found
 * with what was mounted next to it.
 */
export class Companions {
  readonly chunks: string;
  readonly manifests: string;

  constructor(listPath: string, chunks?: string) {
    this.chunks = chunks ?? join(dirname(listPath), 'chunks');
    this.manifests = join(dirname(listPath), 'manifests');
  }

  /** The chunk table of a listed blob; `missing` or `damaged` where it cannot be used: the whole digest is used then. */
  table(entry: ListedDescriptor): ChunkTable | 'none' | 'missing' | 'damaged' {
    if (entry.chunks === undefined) return 'none';
    const bytes = readNamed(this.chunks, entry.chunks.table, tableSizeLimit);
    if (typeof bytes === 'string') return bytes;
    try {
      return parseChunkTable(bytes, entry.size, entry.chunks.size);
    } catch {
      return 'damaged';
    }
  }

  /** Writes a table under its name, atomically; a table that is there already is left alone. @throws KnownError FILE_UNWRITABLE */
  putTable(table: ChunkTable): Digest {
    return putNamed(this.chunks, table.bytes);
  }

  /** The same for an exact manifest. @throws KnownError FILE_UNWRITABLE */
  putManifest(bytes: Uint8Array): Digest {
    return putNamed(this.manifests, bytes);
  }

  manifest(digest: Digest): Uint8Array | 'missing' | 'damaged' {
    return readNamed(this.manifests, digest, manifestSizeLimit);
  }
}

const sha256 = (bytes: Uint8Array): Digest => digestFromBytes(createHash('sha256').update(bytes).digest());

function readNamed(folder: string, digest: Digest, limit: number): Uint8Array | 'missing' | 'damaged' {
  let fd: number;
  try {
    fd = openSync(join(folder, digestHex(digest)), constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '') ? 'missing' : 'damaged';
  }
  try {
    const bytes = readSmall(fd, limit);
    return bytes !== undefined && sha256(bytes) === digest ? bytes : 'damaged';
  } catch {
    return 'damaged';
  } finally {
    closeSync(fd);
  }
}

function putNamed(folder: string, bytes: Uint8Array): Digest {
  const digest = sha256(bytes);
  if (typeof readNamed(folder, digest, Math.max(bytes.length, 1)) !== 'string') return digest;
  const path = join(folder, digestHex(digest));
  try {
    makeFolders(folder);
    replaceFile(path, bytes, 0o644);
  } catch (error) {
    throw new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
  }
  return digest;
}
