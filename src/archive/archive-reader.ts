import { createHash } from 'node:crypto';
import { parseAllowList } from '../allow-list/index.ts';
import { KnownError } from '../errors/index.ts';
import { type Digest, digestFromBytes } from '../oci/index.ts';
import type { PieceSource } from '../upstream/index.ts';
import {
  type ArchiveEntry,
  type ArchiveIndex,
  indexSizeLimit,
  parseIndex,
  sha256,
  smallFileLimit,
} from './archive-index.ts';
import type { ByteSource } from './byte-source.ts';
import { assertDescribed } from './described-models.ts';
import { indexName, modeOf } from './entry-names.ts';
import { EntryPieces } from './entry-pieces.ts';
import { blockSize, describeHeader, endOfTar, entrySize, headerBlock, padded } from './tar-framing.ts';

/** Bytes in one reading of a file that is looked at and not kept. */
const lookSize = 1024 * 1024;

/** Most bytes of small files together: they are held in memory until all of the archive was judged. */
const smallTotalLimit = 256 * 1024 * 1024;

/**
 * Reads an archive from its first byte to its last. The index says everything that follows, so that nothing is
 * interpreted: each header must be, byte for byte, the one that is written for the next file of the index, and what is
 * no content must be zeros. Links, other names, extensions of tar, files twice or in another order cannot be expressed.
 */
export class ArchiveReader {
  readonly index: ArchiveIndex;
  /** SHA-256 of the index. */
  readonly id: Digest;
  readonly indexBytes: Buffer;
  readonly #source: ByteSource;
  #next = 0;

  private constructor(source: ByteSource, indexBytes: Buffer, index: ArchiveIndex) {
    this.#source = source;
    this.indexBytes = indexBytes;
    this.index = index;
    this.id = sha256(indexBytes);
  }

  /** Reads the index. @throws KnownError ARCHIVE_* */
  static async open(source: ByteSource): Promise<ArchiveReader> {
    const where = 'its first file';
    const header = await exactly(source, blockSize, where);
    const size = sizeIn(header);
    const expected = await headerBlock({ name: indexName, size, mode: modeOf(indexName) });
    if (!header.equals(expected)) throw malformed(where, `there is ${describeHeader(header)}, and no index`);
    const bytes = await exactly(source, size, indexName);
    await zeros(source, padded(size) - size, indexName);
    return new ArchiveReader(source, bytes, parseIndex(bytes));
  }

  /** The file that comes next; undefined after the last one. */
  get next(): ArchiveEntry | undefined {
    return this.index.entries[this.#next];
  }

  /**
   * The files before the first layer: all that a decision needs, held against their digests.
   *
   * @param tool gets the parts of the tool, where it is in the archive
   */
  async smallFiles(tool?: (part: Buffer) => Promise<void>): Promise<ReadonlyMap<string, Buffer>> {
    const manifests = new Set(this.index.models.map(({ digest }) => digest));
    const files = new Map<string, Buffer>();
    let total = 0;
    for (let entry = this.next; entry !== undefined; entry = this.next) {
      if (entry.kind === 'blob' && !manifests.has(entry.digest)) break;
      if (entry.kind === 'tool') {
        await this.look(tool);
        continue;
      }
      total += entry.size;
      if (entry.size > smallFileLimit || total > smallTotalLimit)
        throw malformed('its index', `its lists and tables have more than ${smallTotalLimit} bytes`);
      files.set(entry.name, await this.#whole(entry));
    }
    assertListed(this.index.list, files.get('allow-list.json'));
    assertDescribed(this.index, files);
    return files;
  }

  /** Hands the next file on in pieces; whoever takes them holds them against its digest. */
  async pieces<T>(use: (entry: ArchiveEntry, source: PieceSource) => Promise<T>): Promise<T> {
    const entry = await this.#begin();
    const body = new EntryPieces(this.#source, entry);
    const result = await use(entry, body);
    await body.passRest();
    await this.#end(entry);
    return result;
  }

  /** Passes over the next file: nobody here wants it, or it is here already. */
  async pass(): Promise<void> {
    const entry = await this.#begin();
    await skipped(this.#source, entry.size, entry.name);
    await this.#end(entry);
  }

  /**
   * Reads the next file and holds it against its digest.
   *
   * @param look gets each part of it
   * @throws KnownError ARCHIVE_ALTERED
   */
  async look(look: (part: Buffer) => Promise<void> = async () => {}): Promise<void> {
    const entry = await this.#begin();
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(Math.min(lookSize, entry.size));
    for (let left = entry.size; left > 0; ) {
      const part = buffer.subarray(0, Math.min(buffer.length, left));
      await fillExactly(this.#source, part, entry.name);
      hash.update(part);
      await look(part);
      left -= part.length;
    }
    assertDigest(entry, digestFromBytes(hash.digest()));
    await this.#end(entry);
  }

  /** Behind the last file there is the end of the archive, and nothing behind that. @throws KnownError ARCHIVE_* */
  async end(): Promise<void> {
    if (this.next !== undefined) throw new Error('there are files that nobody looked at');
    await zeros(this.#source, endOfTar.length, 'its end');
    if ((await this.#source.fill(Buffer.alloc(1))) > 0)
      throw malformed('its end', 'something follows behind it');
  }

  async #whole(entry: ArchiveEntry): Promise<Buffer> {
    await this.#begin();
    const bytes = await exactly(this.#source, entry.size, entry.name);
    assertDigest(entry, sha256(bytes));
    await this.#end(entry);
    return bytes;
  }

  async #begin(): Promise<ArchiveEntry> {
    const entry = this.next;
    if (entry === undefined) throw new Error('there is no other file');
    const { name, size } = entry;
    const header = await exactly(this.#source, blockSize, `the header of ${name}`);
    if (!header.equals(await headerBlock({ name, size, mode: modeOf(name) })))
      throw malformed(name, `there is ${describeHeader(header)} in its place`);
    return entry;
  }

  async #end({ name, size }: ArchiveEntry): Promise<void> {
    await zeros(this.#source, padded(size) - size, name);
    this.#next += 1;
  }
}

/** Bytes of a whole archive. */
export const archiveSize = ({ index, indexBytes }: Pick<ArchiveReader, 'index' | 'indexBytes'>): number =>
  index.entries.reduce(
    (sum, { size }) => sum + entrySize(size),
    entrySize(indexBytes.length) + endOfTar.length,
  );

const malformed = (where: string, problem: string) => new KnownError('ARCHIVE_MALFORMED', { where, problem });

/** @throws KnownError ARCHIVE_ALTERED */
function assertDigest({ name, digest }: ArchiveEntry, actual: Digest): void {
  if (actual !== digest) throw new KnownError('ARCHIVE_ALTERED', { where: name, expected: digest, actual });
}

/** What the index says of the list, for people, is what the list says of itself. @throws KnownError ARCHIVE_MALFORMED */
function assertListed(said: ArchiveIndex['list'], bytes: Buffer | undefined): void {
  if (said === undefined || bytes === undefined) return;
  let list: { readonly listId: string; readonly version: number };
  try {
    list = parseAllowList(bytes);
  } catch {
    // Why it is none is said where it is judged.
    return;
  }
  if (list.listId !== said.listId || list.version !== said.version)
    throw malformed('its index', `the list calls itself ${list.listId} version ${list.version}`);
}

/** The size in the header of the index, which is compared whole afterwards; at most what an index may have. */
function sizeIn(header: Buffer): number {
  const size = Number.parseInt(header.toString('latin1', 124, 135), 8);
  return size >= 0 && size <= indexSizeLimit ? size : 0;
}

async function exactly(source: ByteSource, size: number, where: string): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size);
  await fillExactly(source, bytes, where);
  return bytes;
}

/** @throws KnownError ARCHIVE_TRUNCATED */
async function fillExactly(source: ByteSource, bytes: Buffer, where: string): Promise<void> {
  const actual = await source.fill(bytes);
  if (actual < bytes.length)
    throw new KnownError('ARCHIVE_TRUNCATED', { where, actual, expected: bytes.length });
}

async function skipped(source: ByteSource, size: number, where: string): Promise<void> {
  const actual = await source.skip(size);
  if (actual < size) throw new KnownError('ARCHIVE_TRUNCATED', { where, actual, expected: size });
}

async function zeros(source: ByteSource, size: number, where: string): Promise<void> {
  const bytes = await exactly(source, size, where);
  if (bytes.some((byte) => byte !== 0)) throw malformed(where, 'what fills it up to a block is not zeros');
}
