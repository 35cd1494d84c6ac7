import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { LockEffects } from '../blobs/index.ts';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import { makeFolders } from '../files/index.ts';
import { type Digest, digestHex } from '../oci/index.ts';
import type { ByteSource } from './byte-source.ts';
import { OutputFile } from './output-file.ts';
import { type VolumeHeader, volumeFileSize, volumeHead, volumeTail } from './volume.ts';

/** Bytes of one reading. */
const pieceSize = 1024 * 1024;

/** An archive, and into how many volumes it was cut. */
type Cut = Pick<VolumeHeader, 'archive' | 'count'>;

export interface KeepEffects {
  readonly signal: AbortSignal;
  /** So many bytes of the volume's part of the archive are here. */
  readonly progressed: (bytes: number) => void;
}

/** Bytes that are left free beside what is kept. */
const margin = 16 * 1024 * 1024;

/**
 * Where volumes wait for those that are missing: `incoming/ID.COUNT/NUMBER.tar`, each whole and held against its sums
 * before it has that name. The medium they came on can be taken out. An archive that is sent once more may be cut in
 * another way: its volumes are other ones.
 */
export class Incoming {
  readonly #folder: string;
  readonly #effects: LockEffects;

  /** @param folder made when the first volume is kept */
  constructor(folder: string, effects: LockEffects) {
    this.#folder = folder;
    this.#effects = effects;
  }

  /** Where the volumes of an archive lie. */
  folderOf({ archive, count }: Cut): string {
    return join(this.#folder, `${digestHex(archive)}.${count}`);
  }

  /** Numbers of the volumes that wait. */
  numbers(cut: Cut): readonly number[] {
    return namesIn(this.folderOf(cut)).flatMap((name) => {
      const match = /^([1-9][0-9]*)\.tar$/.exec(name);
      return match === null ? [] : [Number(match[1])];
    });
  }

  pathOf(volume: Cut & Pick<VolumeHeader, 'number'>): string {
    return join(this.folderOf(volume), `${volume.number}.tar`);
  }

  has(volume: VolumeHeader): boolean {
    return existsSync(this.pathOf(volume));
  }

  /** @throws KnownError NO_ROOM */
  async ensureRoom(volumes: readonly VolumeHeader[]): Promise<void> {
    const needed = volumes.reduce((sum, header) => sum + volumeFileSize(header), 0);
    const path = this.#make(this.#folder);
    const { bavail, bsize } = await statfs(path);
    const free = Math.max(0, bavail * bsize - margin);
    if (needed > free) throw new KnownError('NO_ROOM', { needed, path, free });
  }

  /**
   * Keeps one volume, of which everything behind its head is read from the source.
   *
   * @throws KnownError VOLUME_DAMAGED, ARCHIVE_UNREADABLE, FILE_UNWRITABLE, OUTPUT_BUSY
   */
  async keep(header: VolumeHeader, source: ByteSource, { signal, progressed }: KeepEffects): Promise<void> {
    this.#make(this.folderOf(header));
    const file = OutputFile.open(this.pathOf(header), this.#effects);
    let done = 0;
    try {
      await file.write(await volumeHead(header));
      await readVolume(header, source, async (part) => {
        signal.throwIfAborted();
        await file.write(part);
        done += part.length;
        progressed(Math.min(done, header.length));
      });
      await file.finish();
    } finally {
      await file.close();
    }
  }

  /** Nothing of an archive waits any more. */
  forget(archive: Digest): void {
    for (const name of namesIn(this.#folder))
      if (name.startsWith(`${digestHex(archive)}.`))
        rmSync(join(this.#folder, name), { recursive: true, force: true });
  }

  #make(path: string): string {
    try {
      makeFolders(path, 0o700);
      return path;
    } catch (error) {
      throw new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
    }
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Reads what stands behind the head of a volume, and holds it against its sums.
 *
 * @throws KnownError VOLUME_DAMAGED
 */
export async function readVolume(
  header: VolumeHeader,
  source: ByteSource,
  take: (part: Buffer) => Promise<void>,
): Promise<void> {
  const { number, count, length } = header;
  const damaged = (problem: string) =>
    new KnownError('VOLUME_DAMAGED', { number, count, problem, numbers: number });
  const hash = createHash('sha256');
  for (let left = length; left > 0; ) {
    const part = Buffer.allocUnsafe(Math.min(pieceSize, left));
    if ((await source.fill(part)) < part.length) throw damaged('it ends too soon');
    hash.update(part);
    await take(part);
    left -= part.length;
  }
  const expected = await volumeTail(header, hash.digest());
  const tail = Buffer.alloc(expected.length);
  if ((await source.fill(tail)) < tail.length) throw damaged('it ends too soon');
  if (!tail.equals(expected)) throw damaged('its bytes are not those of its sums');
  await take(tail);
}
