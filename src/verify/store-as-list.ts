import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import type { ListedModel, ManifestAtHand } from '../allow-list/index.ts';
import { KnownError } from '../errors/index.ts';
import { rawToText, readSmall } from '../files/index.ts';
import { type GgufMetadata, readGgufMetadata } from '../gguf/index.ts';
import { type Digest, digestFromBytes, type ModelName } from '../oci/index.ts';
import { BlobTable, OllamaStore, openBlob, readBlobs } from '../store/index.ts';
import { manifestsOf } from './contradictions.ts';
import { type GatheredModel, gatherModels } from './gather-models.ts';
import { whyUnread } from './why-unread.ts';

/** Largest layer that is read as a text. */
const textLimit = 1024 * 1024;

/** A model of a store, as a list would have it. */
export interface StoredEntry {
  readonly name: ModelName;
  /** In full. */
  readonly full: string;
  /** Undefined when its manifest is refused or cannot be read: nobody can say what it is. */
  readonly model: ListedModel | undefined;
}

/** What was read of a layer, or why nothing was. */
export type LayerReading<T> = { readonly value: T } | { readonly problem: string };

/** A store as the other side of a difference: its models, and the bytes of blobs where they are there. */
export class ComparedStore implements Disposable {
  /** Sorted by name. */
  readonly models: readonly StoredEntry[];
  /** Every manifest, by its digest. */
  readonly manifests: ReadonlyMap<Digest, ManifestAtHand>;
  readonly #store: OllamaStore;
  readonly #table: BlobTable;
  readonly #index: ReadonlyMap<Digest, number>;

  private constructor(
    store: OllamaStore,
    gathered: readonly GatheredModel[],
    table: BlobTable,
    index: ReadonlyMap<Digest, number>,
  ) {
    this.#store = store;
    this.models = gathered.map(entryOf);
    this.manifests = manifestsOf(gathered);
    this.#table = table;
    this.#index = index;
  }

  /** Reads manifests and names, hashes nothing. @throws KnownError STORE_UNREADABLE, CANCELLED */
  static async open(
    path: string,
    followInto: readonly string[],
    now: Date,
    signal: AbortSignal,
  ): Promise<ComparedStore> {
    const store = OllamaStore.open(path, followInto, () => {});
    try {
      const { models } = await gatherModels(store, () => {}, signal);
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
      if (signal.aborted) throw new KnownError('CANCELLED');
      return new ComparedStore(store, models, table, index);
    } catch (error) {
      store[Symbol.dispose]();
      throw error;
    }
  }

  /** A layer's text, when it is here, short enough and has its digest. Bytes that are not UTF-8 become `\xNN`. */
  text(digest: Digest): LayerReading<string> {
    return this.#read(digest, (fd) => {
      const bytes = readSmall(fd, textLimit);
      if (bytes === undefined) return { problem: 'it is larger than 1 MiB' };
      if (digestFromBytes(createHash('sha256').update(bytes).digest()) !== digest)
        return { problem: 'it is altered in this store' };
      if (bytes.includes(0)) return { problem: 'it is no text' };
      return { value: rawToText(bytes.toString('latin1')) };
    });
  }

  /** What the weights say of themselves, when they are here. Not proven: only a check hashes them. */
  metadata(digest: Digest): LayerReading<GgufMetadata> {
    return this.#read(digest, (fd) => {
      const reading = readGgufMetadata((offset, length) => {
        const bytes = Buffer.alloc(length);
        return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
      });
      return reading.ok ? { value: reading.metadata } : { problem: reading.problem };
    });
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  #read<T>(digest: Digest, read: (fd: number) => LayerReading<T>): LayerReading<T> {
    const index = this.#index.get(digest);
    if (index === undefined) return { problem: 'it is not in this store' };
    let fd: number | undefined;
    try {
      fd = openBlob(this.#store, this.#table, index);
      return read(fd);
    } catch (error) {
      return { problem: `it cannot be read: ${whyUnread(error)}` };
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}

function entryOf({ record, manifest }: GatheredModel): StoredEntry {
  const { name, full, manifestDigest: digest, manifestSize: size } = record;
  if (manifest === undefined || digest === undefined) return { name, full, model: undefined };
  const { config, layers } = manifest;
  return { name, full, model: { manifest: { digest, size }, config, layers } };
}
