import { closeSync } from 'node:fs';
import { type ApprovedList, blobsOf, receiveBlob } from '../admission/index.ts';
import { KnownError } from '../errors/index.ts';
import type { ChunkTable, HashPool } from '../hash/index.ts';
import {
  type BlobState,
  cleanUpLooks,
  downloadEnded,
  inspectBlob,
  installBlob,
  installManifest,
  mayBeTaken,
  touchBlob,
  type WaitEffects,
  type WorkPlace,
} from '../installation/index.ts';
import { type Descriptor, type Digest, type LayerKind, layerKind, type ModelName } from '../oci/index.ts';
import { blobFileName, type OllamaStore } from '../store/index.ts';
import type { PieceSource, Upstream } from '../upstream/index.ts';
import { PatchedSource } from './patched-source.ts';
import { type WantedModel, wantedModel } from './wanted-model.ts';

/** What was done about one file of a model. */
export interface MendedFile {
  /** `manifest`, or what the layer is. */
  readonly layer: LayerKind | 'config' | 'manifest';
  readonly digest: Digest;
  readonly was: 'missing' | 'altered';
  /** Bytes that were fetched. */
  readonly fetched: number;
  readonly pieces: { readonly wrong: number; readonly of: number } | undefined;
  /** Where what lay there is kept. */
  readonly kept: string | undefined;
}

export interface RepairEffects extends WaitEffects {
  readonly pool: HashPool;
  /** Calls back every so many milliseconds until the returned function is called. */
  readonly every: (ms: number, action: () => void) => () => void;
  /** Bytes arrived, of so many of one blob. */
  readonly arrived: (digest: Digest, bytes: number, size: number) => void;
}

/** Blobs that wait for their manifest are made new again each ten minutes: Ollama spares what is under an hour old. */
const touchMs = 10 * 60_000;

/** Of a file that nothing was done about yet. */
const nothing = { pieces: undefined, kept: undefined } as const;

/** Times that a blob may vanish under a repair. */
const rounds = 3;

/** Brings one model of a store into order: fetches what is wrong, and nothing else; the manifest comes last. */
export class ModelRepair {
  readonly #store: OllamaStore;
  readonly #work: () => WorkPlace;
  readonly #upstream: Upstream;
  readonly #approved: ApprovedList | undefined;
  readonly #effects: RepairEffects;
  readonly #mended: MendedFile[] = [];
  readonly #placed = new Set<Digest>();

  constructor(
    store: OllamaStore,
    work: () => WorkPlace,
    { upstream, approved }: { readonly upstream: Upstream; readonly approved: ApprovedList | undefined },
    effects: RepairEffects,
  ) {
    this.#store = store;
    this.#work = work;
    this.#upstream = upstream;
    this.#approved = approved;
    this.#effects = effects;
  }

  /**
   * @returns what was mended; nothing where the model is sound
   * @throws KnownError REPAIR_BLOCKED, BLOB_NOT_AS_NAMED, STORAGE_FULL, MODEL_NOT_LISTED, MANIFEST_MOVED; what upstream says
   */
  async run(name: ModelName): Promise<readonly MendedFile[]> {
    const { signal, now } = this.#effects;
    const sources = { store: this.#store, approved: this.#approved, upstream: this.#upstream, signal };
    const wanted = await wantedModel(name, sources);
    const stop = this.#effects.every(touchMs, () => this.#touch(now()));
    try {
      const all = blobsOf(wanted.checked.manifest);
      let blobs: readonly Descriptor[] = all;
      for (let round = 0; blobs.length > 0 && round < rounds; round += 1) {
        for (const blob of blobs) await this.#mend(wanted, blob);
        const mayVanish = round === 0 && !wanted.inPlace && all.some((blob) => this.#mayBeTaken(blob));
        if (round === 0) this.#placeManifest(wanted);
        // Ollama's clean-up may have come between: it takes what no manifest named a moment ago.
        blobs = blobs.filter((blob) => !this.#isThere(blob));
        if (mayVanish && blobs.length === 0) blobs = await this.#vanished(all);
      }
      if (blobs.length > 0)
        throw new KnownError('REPAIR_BLOCKED', {
          layer: layerOf(wanted, blobs[0]),
          problem: 'something removes it again',
        });
    } finally {
      stop();
    }
    return this.#mended;
  }

  /** What `run` would mend. Nothing is written, and nothing fetched but a manifest. Errors as `run`. */
  async look(name: ModelName): Promise<readonly MendedFile[]> {
    const { pool, signal } = this.#effects;
    const sources = { store: this.#store, approved: this.#approved, upstream: this.#upstream, signal };
    const wanted = await wantedModel(name, sources);
    const { digest: manifest, bytes } = wanted.checked;
    const found: MendedFile[] = wanted.inPlace
      ? []
      : [{ layer: 'manifest', digest: manifest, was: 'missing', fetched: bytes.length, ...nothing }];
    for (const blob of blobsOf(wanted.checked.manifest)) {
      const { blobs } = this.#store;
      const table = this.#tableOf(wanted, blob.digest);
      const state =
        blobs === undefined ? ({ kind: 'missing' } as const) : await inspectBlob(blobs, blob, table, pool);
      if (state.kind === 'sound') continue;
      const layer = layerOf(wanted, blob);
      if (state.kind === 'obstacle')
        throw new KnownError('REPAIR_BLOCKED', { layer, problem: state.problem });
      found.push({ layer, digest: blob.digest, was: state.kind, fetched: blob.size, ...nothing });
    }
    return found;
  }

  async #mend(wanted: WantedModel, blob: Descriptor): Promise<void> {
    const { pool, signal } = this.#effects;
    signal.throwIfAborted();
    const blobs = this.#store.blobs;
    const blocked = (problem: string) =>
      new KnownError('REPAIR_BLOCKED', { layer: layerOf(wanted, blob), problem });
    if (blobs === undefined) throw blocked('blobs/ cannot be opened');
    const table = this.#tableOf(wanted, blob.digest);
    let state = await inspectBlob(blobs, blob, table, pool);
    if (state.kind === 'sound') return;
    if (!(await downloadEnded(blobs, blob.digest, this.#effects)))
      throw blocked('Ollama is downloading it now');
    // What it was waited for may be here now.
    state = await inspectBlob(blobs, blob, table, pool);
    if (state.kind === 'sound') return;
    if (state.kind === 'obstacle') throw blocked(state.problem);
    const fetched = await this.#fetch(wanted, blob, state, table);
    const reason = state.kind === 'altered' ? `its bytes are ${state.found ?? 'others'}` : 'missing';
    const kept = installBlob(blobs, blob.digest, this.#work(), reason);
    await this.#work().blobs.remove(blob.digest);
    this.#placed.add(blob.digest);
    this.#mended.push({
      ...{ layer: layerOf(wanted, blob), digest: blob.digest, was: state.kind, fetched, kept },
      pieces: state.kind === 'altered' ? state.pieces : undefined,
    });
  }

  /** Receives a blob beside the store, all of it verified. @returns bytes that came from elsewhere */
  async #fetch(
    { name }: WantedModel,
    { digest, size }: Descriptor,
    state: BlobState,
    table: ChunkTable | undefined,
  ): Promise<number> {
    const { signal, arrived } = this.#effects;
    let fetched = 0;
    const remote = this.#upstream.blob(`${name.namespace}/${name.model}`, digest, size);
    const counted: PieceSource = {
      pieces: (wanted, take, until) =>
        remote.pieces(
          wanted,
          async (range, bytes) => {
            fetched += bytes.length;
            await take(range, bytes);
            arrived(digest, fetched, size);
          },
          until,
        ),
    };
    const isSound = state.kind === 'altered' ? state.isSound : undefined;
    const fd = isSound === undefined ? undefined : this.#store.blobs?.openFile(blobFileName(digest));
    try {
      const source =
        isSound === undefined || fd === undefined ? counted : new PatchedSource(fd, isSound, counted);
      await receiveBlob(this.#work().blobs, { digest, size, source, table }, { signal, rereadable: true });
      return fetched;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }

  #placeManifest(wanted: WantedModel): void {
    if (wanted.inPlace) return;
    this.#touch(this.#effects.now());
    const { bytes, digest } = wanted.checked;
    const reason = 'a repair replaced this by a manifest';
    const kept = installManifest(this.#store, wanted.name, bytes, this.#work(), reason);
    const was = kept === undefined ? 'missing' : 'altered';
    this.#mended.push({
      ...{ layer: 'manifest', digest, was, kept },
      fetched: bytes.length,
      pieces: undefined,
    });
  }

  #mayBeTaken({ digest }: Descriptor): boolean {
    const { blobs } = this.#store;
    return blobs === undefined || mayBeTaken(blobs, digest, this.#effects.now());
  }

  /** What a clean-up takes that began before the manifest was there. */
  async #vanished(all: readonly Descriptor[]): Promise<readonly Descriptor[]> {
    const { wait, signal } = this.#effects;
    for (let look = 0; look < cleanUpLooks.times && !signal.aborted; look += 1) {
      await wait(cleanUpLooks.everyMs, signal);
      const gone = all.filter((blob) => !this.#isThere(blob));
      if (gone.length > 0) return gone;
    }
    return [];
  }

  #isThere({ digest, size }: Descriptor): boolean {
    try {
      return this.#store.blobs?.lstat(blobFileName(digest)).size === size;
    } catch {
      return false;
    }
  }

  #touch(now: Date): void {
    for (const digest of this.#placed) {
      try {
        if (this.#store.blobs !== undefined) touchBlob(this.#store.blobs, digest, now);
      } catch {
        // Taken away meanwhile: it is looked for once more at the end.
      }
    }
  }

  #tableOf({ listed }: WantedModel, digest: Digest): ChunkTable | undefined {
    const entry = listed && [listed.config, ...listed.layers].find((one) => one.digest === digest);
    const table = entry && this.#approved?.companions.table(entry);
    return typeof table === 'string' ? undefined : table;
  }
}

const layerOf = ({ checked }: WantedModel, blob: Descriptor | undefined): MendedFile['layer'] =>
  blob === undefined || blob.digest === checked.manifest.config?.digest
    ? 'config'
    : layerKind(blob.mediaType);
