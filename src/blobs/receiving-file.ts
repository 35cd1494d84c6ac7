import { createHash } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  write,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { systemCode } from '../errors/index.ts';
import { replaceFile, syncDirectory } from '../files/index.ts';
import type { ChunkTable } from '../hash/index.ts';
import type { Reservation } from './free-space.ts';
import type { ReceiveLock } from './receive-lock.ts';
import type { OpenBlob, Range, ReceivingBlob } from './storage.ts';
import { storageError } from './storage-error.ts';

const writeAt = promisify(write);
const sync = promisify(fsync);
const digestLength = 32;

export interface ReceivingPlaces {
  /** Where the bytes are until they are verified. */
  readonly partial: string;
  /** Digests of pieces that were verified, one after the other, after the digest of what they belong to. */
  readonly pieces: string;
  readonly final: string;
  readonly table: string;
}

/** The first 32 bytes of the record: pieces of another size, or of another cut, are other pieces. */
const headOf = (size: number, pieceSize: number): Buffer =>
  createHash('sha256').update(`${size} ${pieceSize}`).digest();

/** A blob that is received into a file of its full size, beside which the digests of its verified pieces are kept. */
export class ReceivingFile implements ReceivingBlob {
  readonly fd: number;
  readonly recorded: readonly Uint8Array[];
  readonly #places: ReceivingPlaces;
  readonly #lock: ReceiveLock;
  readonly #reservation: Reservation;
  readonly #onPublished: (size: number) => void;
  readonly #size: number;
  #closed = false;

  constructor(
    places: ReceivingPlaces,
    opened: { readonly fd: number; readonly recorded: readonly Uint8Array[]; readonly size: number },
    held: { readonly lock: ReceiveLock; readonly reservation: Reservation },
    onPublished: (size: number) => void,
  ) {
    this.#places = places;
    this.fd = opened.fd;
    this.recorded = opened.recorded;
    this.#size = opened.size;
    this.#lock = held.lock;
    this.#reservation = held.reservation;
    this.#onPublished = onPublished;
  }

  async write({ start, end }: Range, bytes: Uint8Array): Promise<void> {
    if (bytes.length !== end - start || end > this.#size) throw new Error(`no range of it: ${start}-${end}`);
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await writeAt(this.fd, bytes, done, bytes.length - done, start + done);
        done += bytesWritten;
      }
    } catch (error) {
      throw storageError(error, this.#places.partial, this.#size);
    }
    this.#reservation.used(bytes.length);
  }

  record(sha256: Uint8Array): void {
    try {
      appendFileSync(this.#places.pieces, sha256);
    } catch (error) {
      throw storageError(error, this.#places.pieces, sha256.length);
    }
  }

  forget(fromPiece: number): void {
    truncateSync(this.#places.pieces, (1 + fromPiece) * digestLength);
  }

  async open(): Promise<OpenBlob> {
    const { partial, final } = this.#places;
    const fd = openExisting(partial) ?? openSync(final, reading);
    return { fd, size: this.#size, close: async () => closeSync(fd) };
  }

  async publish(table: ChunkTable): Promise<void> {
    const { partial, pieces, final } = this.#places;
    try {
      await sync(this.fd);
      fchmodSync(this.fd, 0o444);
      replaceFile(this.#places.table, table.bytes, 0o444);
      renameSync(partial, final);
      syncDirectory(dirname(final));
      rmSync(pieces, { force: true });
      syncDirectory(dirname(partial));
    } catch (error) {
      throw storageError(error, final, this.#size);
    }
    this.#onPublished(this.#size);
  }

  async discard(): Promise<void> {
    const { partial, pieces } = this.#places;
    rmSync(pieces, { force: true });
    rmSync(partial, { force: true });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#reservation.release();
    closeSync(this.fd);
    this.#lock.release();
  }
}

const reading = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function openExisting(path: string): number | undefined {
  try {
    return openSync(path, reading);
  } catch (error) {
    // It was published meanwhile.
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Opens the file of a blob that is to be received, with what an earlier process recorded of it. */
export function openReceiving(
  { partial, pieces }: ReceivingPlaces,
  size: number,
  pieceSize: number,
): { readonly fd: number; readonly recorded: readonly Uint8Array[]; readonly size: number } {
  const recorded = readRecord(pieces, size, pieceSize);
  const fd = openOwn(partial, constants.O_CREAT);
  if (recorded !== undefined && fstatSync(fd).size === size) return { fd, recorded, size };
  closeSync(fd);
  // Another file under the same name: somebody may still read verified bytes of the one that lies here.
  rmSync(partial);
  const anew = openOwn(partial, constants.O_CREAT | constants.O_EXCL);
  try {
    ftruncateSync(anew, size);
    writeFileSync(pieces, headOf(size, pieceSize), { mode: 0o600 });
    return { fd: anew, recorded: [], size };
  } catch (error) {
    closeSync(anew);
    throw error;
  }
}

/** @throws Error where something else than a file of its own lies there; system errors */
function openOwn(path: string, flags: number): number {
  const fd = openSync(path, flags | constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600);
  const stat = fstatSync(fd);
  if (stat.isFile() && stat.nlink === 1) return fd;
  closeSync(fd);
  throw new Error('it is not a file of its own');
}

/** How many pieces of a blob lie here, as an earlier process recorded them; nothing is changed. */
export function recordedPieces(
  { pieces, partial }: Pick<ReceivingPlaces, 'pieces' | 'partial'>,
  size: number,
  pieceSize: number,
): number {
  try {
    const bytes = readFileSync(pieces);
    if (lstatSync(partial).size !== size) return 0;
    if (!bytes.subarray(0, digestLength).equals(headOf(size, pieceSize))) return 0;
    return Math.floor(bytes.length / digestLength) - 1;
  } catch {
    return 0;
  }
}

/** What was recorded; undefined where there is nothing, or of something else. A digest that was cut off does not count. */
function readRecord(path: string, size: number, pieceSize: number): Uint8Array[] | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  if (!bytes.subarray(0, digestLength).equals(headOf(size, pieceSize))) return undefined;
  const count = Math.min(Math.floor(bytes.length / digestLength) - 1, Math.ceil(size / pieceSize));
  if ((1 + count) * digestLength !== bytes.length) truncateSync(path, (1 + count) * digestLength);
  return Array.from({ length: count }, (_, at) =>
    Uint8Array.from(bytes.subarray((1 + at) * digestLength, (2 + at) * digestLength)),
  );
}
