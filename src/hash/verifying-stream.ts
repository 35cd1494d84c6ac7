import { createHash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';
import { KnownError } from '../errors/index.ts';
import { type Digest, digestFromBytes } from '../oci/index.ts';
import { type ChunkTable, ChunkTableBuilder } from './chunk-table.ts';

export interface VerifyingStreamOptions {
  readonly size: number;
  readonly digest: Digest;
  /** Also collect a chunk table with pieces of this many bytes. */
  readonly pieceSize?: number;
}

/**
 * Passes bytes on and holds them against a size and a digest: not one byte too many, none too few, then the digest.
 * The last bytes are passed on before the verdict, so whoever stores them publishes only after `verified()`.
 *
 * Errors: STREAM_TRAILING as soon as a byte is too much (that byte is not passed on), STREAM_TOO_SHORT and
 * STREAM_DIGEST at the end.
 */
export class VerifyingStream extends Transform {
  readonly #options: VerifyingStreamOptions;
  readonly #hash = createHash('sha256');
  readonly #table: ChunkTableBuilder | undefined;
  #seen = 0;
  #verified = false;

  constructor(options: VerifyingStreamOptions) {
    super();
    this.#options = options;
    this.#table = options.pieceSize === undefined ? undefined : new ChunkTableBuilder(options.pieceSize);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#seen += chunk.length;
    if (this.#seen > this.#options.size) {
      done(new KnownError('STREAM_TRAILING', { expected: this.#options.size }));
      return;
    }
    this.#hash.update(chunk);
    this.#table?.update(chunk);
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    const { size, digest } = this.#options;
    if (this.#seen < size) {
      done(new KnownError('STREAM_TOO_SHORT', { actual: this.#seen, expected: size }));
      return;
    }
    const actual = digestFromBytes(this.#hash.digest());
    if (actual !== digest) {
      done(new KnownError('STREAM_DIGEST', { actual, expected: digest }));
      return;
    }
    this.#verified = true;
    done();
  }

  /**
   * The verdict: returns the collected chunk table, if one was asked for, once every byte has been seen and is right.
   *
   * @throws KnownError STREAM_UNFINISHED before that
   */
  verified(): ChunkTable | undefined {
    if (!this.#verified) {
      throw new KnownError('STREAM_UNFINISHED', { actual: this.#seen, expected: this.#options.size });
    }
    return this.#table?.finish();
  }
}
