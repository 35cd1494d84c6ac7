import { KnownError } from '../errors/index.ts';
import type { PieceSource, Range } from '../upstream/index.ts';
import type { ArchiveEntry } from './archive-index.ts';
import type { ByteSource } from './byte-source.ts';

/** Pieces that are read ahead while earlier ones are written and hashed; each is 16 MiB of memory. */
const ahead = 3;

/** The content of one file of an archive, in pieces, in order; what was received before is passed over. */
export class EntryPieces implements PieceSource {
  readonly #source: ByteSource;
  readonly #entry: ArchiveEntry;
  readonly #free: Buffer[] = [];
  #at = 0;

  constructor(source: ByteSource, entry: ArchiveEntry) {
    this.#source = source;
    this.#entry = entry;
  }

  /** @throws KnownError ARCHIVE_TRUNCATED, ARCHIVE_UNREADABLE; what `take` throws; the signal's reason */
  async pieces(
    wanted: Iterable<Range>,
    take: (range: Range, bytes: Buffer) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const taking = new Set<Promise<void>>();
    let failure: { readonly reason: unknown } | undefined;
    for (const range of wanted) {
      if (taking.size >= ahead) await Promise.race(taking);
      if (failure !== undefined) break;
      signal.throwIfAborted();
      await this.#passTo(range.start);
      const bytes = await this.#read(range.end - range.start);
      const one = take(range, bytes)
        .catch((reason: unknown) => {
          failure ??= { reason };
        })
        .finally(() => {
          taking.delete(one);
          this.#free.push(bytes);
        });
      taking.add(one);
    }
    await Promise.all(taking);
    if (failure !== undefined) throw failure.reason;
  }

  /** Passes over what nobody asked for. */
  passRest(): Promise<void> {
    return this.#passTo(this.#entry.size);
  }

  async #passTo(position: number): Promise<void> {
    const wanted = position - this.#at;
    if (wanted < 0) throw new Error('pieces are asked for in order');
    const actual = await this.#source.skip(wanted);
    this.#at += actual;
    if (actual < wanted) throw this.#truncated();
  }

  async #read(length: number): Promise<Buffer> {
    const found = this.#free.findIndex((buffer) => buffer.length === length);
    const bytes =
      found === -1
        ? Buffer.allocUnsafeSlow(length)
        : (this.#free.splice(found, 1)[0] ?? Buffer.alloc(length));
    const got = await this.#source.fill(bytes);
    this.#at += got;
    if (got < length) throw this.#truncated();
    return bytes;
  }

  #truncated(): KnownError {
    const { name, size } = this.#entry;
    return new KnownError('ARCHIVE_TRUNCATED', { where: name, actual: this.#at, expected: size });
  }
}
