import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import type { ListedModel } from '../allow-list/index.ts';
import { readSmall } from '../files/index.ts';
import { type GgufMetadata, readGgufMetadata } from '../gguf/index.ts';
import { type Digest, digestFromBytes } from '../oci/index.ts';
import { BlobTable, OllamaStore, openBlob, readBlobs } from '../store/index.ts';
import { gatherModels } from './gather-models.ts';

/** Largest layer that is read as a text. */
const textLimit = 1024 * 1024;

/** A store as the other side of a difference: its models, and the bytes of blobs where they are there. */
export class ComparedStore implements Disposable {
  readonly models: ReadonlyMap<string, ListedModel>;
  readonly #store: OllamaStore;
  readonly #table: BlobTable;
  readonly #index: ReadonlyMap<Digest, number>;

  private constructor(
    store: OllamaStore,
    models: ReadonlyMap<string, ListedModel>,
    table: BlobTable,
    index: ReadonlyMap<Digest, number>,
  ) {
    this.#store = store;
    this.models = models;
    this.#table = table;
    this.#index = index;
  }

  /** Reads manifests and names, hashes nothing. @throws KnownError STORE_UNREADABLE */
  static async open(
    path: string,
    followInto: readonly string[],
    now: Date,
    signal: AbortSignal,
  ): Promise<ComparedStore> {
    const store = OllamaStore.open(path, followInto, () => {});
    const { models } = await gatherModels(store, () => {}, signal);
    const listed = models.flatMap(({ record, manifest }) => {
      if (manifest === undefined || record.manifestDigest === undefined) return [];
      const { config, layers } = manifest;
      const entry: ListedModel = { manifest: { digest: record.manifestDigest, size: 0 }, config, layers };
      return [[record.full, entry] as const];
    });
    const table = new BlobTable();
    const index = new Map<Digest, number>();
    await readBlobs(store, table, {
      report: () => {},
      now,
      signal,
      wanted: () => true,
      onBlob: (at, digest) => void index.set(digest, at),
      onObstacle: () => {},
      onPartial: () => {},
    });
    return new ComparedStore(store, new Map(listed), table, index);
  }

  /** A layer's text, when it is here, short enough and has its digest. */
  text(digest: Digest): string | undefined {
    return this.#with(digest, (fd) => {
      const bytes = readSmall(fd, textLimit);
      if (bytes === undefined) return undefined;
      const right = digestFromBytes(createHash('sha256').update(bytes).digest()) === digest;
      return right ? bytes.toString('utf8') : undefined;
    });
  }

  /** What the weights say of themselves, when they are here. Not proven: only a check hashes them. */
  metadata(digest: Digest): GgufMetadata | undefined {
    return this.#with(digest, (fd) => {
      const reading = readGgufMetadata((offset, length) => {
        const bytes = Buffer.alloc(length);
        return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
      });
      return reading.ok ? reading.metadata : undefined;
    });
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  #with<T>(digest: Digest, read: (fd: number) => T | undefined): T | undefined {
    const index = this.#index.get(digest);
    if (index === undefined) return undefined;
    let fd: number | undefined;
    try {
      fd = openBlob(this.#store, this.#table, index);
      return read(fd);
    } catch {
      return undefined;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}
