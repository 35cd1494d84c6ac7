import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { KnownError, systemCode } from '../errors/index.ts';
import { syncDirectory } from '../files/index.ts';
import { type Digest, digestHex, isDigest, parseDigest } from '../oci/index.ts';
import { FreeSpace, type SpaceLimits } from './free-space.ts';
import { type LockEffects, ReceiveLock, sweepLocks } from './receive-lock.ts';
import { openReceiving, ReceivingFile, type ReceivingPlaces, recordedPieces } from './receiving-file.ts';
import type { BlobStorage, OpenBlob, ReceivingBlob, StoredBlob } from './storage.ts';
import { storageError } from './storage-error.ts';

export interface DirectoryEffects extends LockEffects {
  /** Numeric user of this process; undefined where there is no such thing. */
  readonly uid: number | undefined;
}

/** Largest chunk table: 2 TiB in pieces of 1 MiB. */
const tableSizeLimit = 64 * 1024 * 1024;

/**
 * Blobs in a directory: `blobs/sha256/ab/<hex>`, read-only, whole and right; `partial/`, what is being received;
 * `tables/<hex>`, the chunk table of a blob; `quarantine/`, what was found to be wrong.
 */
export class BlobDirectory implements BlobStorage {
  readonly path: string;
  readonly #effects: DirectoryEffects;
  readonly #space: FreeSpace;
  #stored: Promise<number> | undefined;

  private constructor(path: string, effects: DirectoryEffects, limits: SpaceLimits) {
    this.path = path;
    this.#effects = effects;
    this.#space = new FreeSpace(path, limits, () => this.#storedBytes());
  }

  /**
   * Opens the directory, and makes it where it is not there.
   *
   * @throws KnownError DATA_UNUSABLE where somebody else could write into it, or it cannot be made
   */
  static open(
    path: string,
    effects: DirectoryEffects,
    limits: SpaceLimits = { maxData: undefined },
  ): BlobDirectory {
    const refuse = (problem: string) => new KnownError('DATA_UNUSABLE', { path, problem });
    try {
      for (const name of ['blobs/sha256', 'partial', 'tables', 'quarantine'])
        mkdirSync(join(path, name), { recursive: true, mode: 0o700 });
      const stat = statSync(path);
      if (effects.uid !== undefined && stat.uid !== effects.uid && stat.uid !== 0)
        throw refuse(`it belongs to user ${stat.uid}, not to ${effects.uid}`);
      if (effects.uid !== undefined && (stat.mode & 0o022) !== 0) throw refuse('others can write into it');
      sweepLocks(join(path, 'partial'), effects.now());
    } catch (error) {
      if (error instanceof KnownError) throw error;
      throw new KnownError(
        'DATA_UNUSABLE',
        { path, problem: systemCode(error) ?? 'it cannot be made' },
        error,
      );
    }
    return new BlobDirectory(path, effects, limits);
  }

  async find(digest: Digest): Promise<StoredBlob | undefined> {
    try {
      const stat = lstatSync(this.#places(digest).final);
      return stat.isFile() ? { digest, size: stat.size, since: stat.mtime } : undefined;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw storageError(error, this.path, 0);
    }
  }

  async read(digest: Digest): Promise<OpenBlob> {
    const { final } = this.#places(digest);
    let fd: number;
    try {
      fd = openSync(final, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') throw new KnownError('BLOB_ABSENT', { digest }, error);
      throw storageError(error, final, 0);
    }
    const stat = fstatSync(fd);
    if (stat.isFile()) return { fd, size: stat.size, close: async () => closeSync(fd) };
    closeSync(fd);
    throw new KnownError('STORAGE_FAILED', { path: final, problem: 'it is not a regular file' });
  }

  /** Where a blob lies, once it is published: for whoever moves it on. */
  placeOf(digest: Digest): string {
    return this.#places(digest).final;
  }

  async receive(digest: Digest, size: number, pieceSize: number): Promise<ReceivingBlob> {
    const places = this.#places(digest);
    const lock = ReceiveLock.take(`${places.partial}.lock`, this.#effects);
    if (lock === undefined) throw new KnownError('BLOB_BUSY', { digest });
    try {
      mkdirSync(dirname(places.final), { recursive: true, mode: 0o700 });
      const opened = openReceiving(places, size, pieceSize);
      try {
        const here = Math.min(size, opened.recorded.length * pieceSize);
        const reservation = await this.#space.reserve(size - here);
        return new ReceivingFile(places, opened, { lock, reservation }, (bytes) => this.#grown(bytes));
      } catch (error) {
        closeSync(opened.fd);
        throw error;
      }
    } catch (error) {
      lock.release();
      throw storageError(error, places.partial, size);
    }
  }

  /** Bytes of a blob that an earlier process did not receive yet. */
  missing({ digest, size }: { readonly digest: Digest; readonly size: number }, pieceSize: number): number {
    return size - Math.min(size, recordedPieces(this.#places(digest), size, pieceSize) * pieceSize);
  }

  /** Whether so many bytes could be received now. @throws KnownError STORAGE_FULL */
  async ensureRoom(bytes: number): Promise<void> {
    (await this.#space.reserve(bytes)).release();
  }

  async tableOf(digest: Digest): Promise<Uint8Array | undefined> {
    const { table } = this.#places(digest);
    try {
      return statSync(table).size <= tableSizeLimit ? readFileSync(table) : undefined;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw storageError(error, table, 0);
    }
  }

  async quarantine(digest: Digest, reason: string): Promise<string> {
    const { final } = this.#places(digest);
    const at = this.#effects.now().toISOString();
    const place = join(this.path, 'quarantine', `${digestHex(digest)}-${at.replace(/[:.]/g, '')}`);
    try {
      const { size } = lstatSync(final);
      writeFileSync(`${place}.json`, `${JSON.stringify({ digest, at, reason })}\n`, {
        mode: 0o600,
        flush: true,
      });
      renameSync(final, place);
      syncDirectory(dirname(place));
      syncDirectory(dirname(final));
      this.#grown(-size);
    } catch (error) {
      throw storageError(error, final, 0);
    }
    return place;
  }

  async remove(digest: Digest): Promise<void> {
    const { final, table } = this.#places(digest);
    const stored = await this.find(digest);
    try {
      rmSync(final, { force: true });
      rmSync(table, { force: true });
      if (stored !== undefined) syncDirectory(dirname(final));
    } catch (error) {
      throw storageError(error, final, 0);
    }
    this.#grown(-(stored?.size ?? 0));
  }

  async *list(): AsyncGenerator<StoredBlob> {
    const root = join(this.path, 'blobs', 'sha256');
    for (const folder of namesIn(root)) {
      if (!/^[0-9a-f]{2}$/.test(folder)) continue;
      for (const name of namesIn(join(root, folder))) {
        const digest = `sha256:${name}`;
        if (!isDigest(digest) || !name.startsWith(folder)) continue;
        const stored = await this.find(parseDigest(digest));
        if (stored !== undefined) yield stored;
      }
    }
  }

  #places(digest: Digest): ReceivingPlaces {
    const hex = digestHex(digest);
    const partial = join(this.path, 'partial', hex);
    return {
      partial,
      pieces: `${partial}.pieces`,
      final: join(this.path, 'blobs', 'sha256', hex.slice(0, 2), hex),
      table: join(this.path, 'tables', hex),
    };
  }

  #storedBytes(): Promise<number> {
    this.#stored ??= (async () => {
      let bytes = 0;
      for await (const { size } of this.list()) bytes += size;
      return bytes;
    })();
    return this.#stored;
  }

  #grown(bytes: number): void {
    if (this.#stored !== undefined) this.#stored = this.#stored.then((sum) => sum + bytes);
  }
}

/** Names in a directory, one at a time; none where it is not there. */
function* namesIn(path: string): Generator<string> {
  let directory: ReturnType<typeof opendirSync>;
  try {
    directory = opendirSync(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return;
    throw storageError(error, path, 0);
  }
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) yield entry.name;
  } finally {
    directory.closeSync();
  }
}
