import { statfs } from 'node:fs/promises';
import { blobsOf, digestOf } from '../admission/index.ts';
import { KnownError } from '../errors/index.ts';
import type { FileIdentity } from '../files/index.ts';
import { defaultPieceSize, type HashPool } from '../hash/index.ts';
import {
  cleanUpLooks,
  inspectBlob,
  prepareStore,
  type WaitEffects,
  WorkPlace,
} from '../installation/index.ts';
import type { Descriptor, Digest, ModelName } from '../oci/index.ts';
import { blobFileName, OllamaStore, readOneManifest } from '../store/index.ts';
import type { WelcomeModel } from './judge-models.ts';
import { forgetReceived, holdBlob, placeModel } from './place-model.ts';
import type { BlobTarget, TakeEffects } from './take-blobs.ts';

/** The store into which models are put. */
export interface TargetRequest {
  /** Ollama's models directory. */
  readonly store: string;
  /** Made when the first byte is to be written. */
  readonly work: () => WorkPlace;
  readonly pool: HashPool;
  /** Says what would be done, and writes nothing. */
  readonly dryRun: boolean;
}

export interface InstallEffects extends TakeEffects, WaitEffects {
  /** So many bytes of the store are read now, to see what of the archive lies there. */
  readonly reading: (bytes: number) => void;
}

export interface InstalledModel {
  readonly name: ModelName;
  readonly digest: Digest;
  /** Bytes of its blobs. */
  readonly bytes: number;
  /** It was in the store before, all of it. */
  readonly known: boolean;
  /** Where files that were replaced are kept. */
  readonly kept: readonly string[];
}

/** The digest of the manifest under a name, where there is one. */
export function digestInStore(path: string, name: ModelName): Digest | undefined {
  using store = OllamaStore.open(path, [], () => {});
  try {
    return digestOf(readOneManifest(store, name));
  } catch {
    // Whatever keeps it from being read: an installation puts another one in its place.
    return undefined;
  }
}

/** Bytes that are left free beside what is received. */
const margin = 64 * 1024 * 1024;

/** Looks whether everything is there, at most, before an installation ends that found old blobs in the store. */
const mostLooks = 30;

/** A store, and the place beside it in which blobs are received. */
export class StoreTarget implements BlobTarget, Disposable {
  readonly #request: TargetRequest;
  readonly #sound = new Set<Digest>();
  /** Files of the store that were read and are right. */
  readonly #read = new Map<Digest, FileIdentity>();
  #store: OllamaStore;
  #place: WorkPlace | undefined;
  /** Old blobs of the store are wanted, which a clean-up that is going on may take. */
  #mayVanish = false;

  constructor(request: TargetRequest) {
    this.#request = request;
    this.#store = OllamaStore.open(request.store, [], () => {});
  }

  get blobs() {
    return this.#work().blobs;
  }

  /** Bytes that lie under the names of what the models want. */
  bytesThere(models: readonly WelcomeModel[]): number {
    const digests = new Set(
      models.flatMap(({ checked }) => blobsOf(checked.manifest).map(({ digest }) => digest)),
    );
    return [...digests].reduce((sum, digest) => sum + (this.#statOf(digest)?.size ?? 0), 0);
  }

  async has(blob: Descriptor): Promise<boolean> {
    const { blobs } = this.#store;
    if (blobs === undefined) return false;
    const state = await inspectBlob(blobs, blob, undefined, this.#request.pool);
    if (state.kind === 'sound') {
      this.#sound.add(blob.digest);
      this.#read.set(blob.digest, state.file);
    }
    if (state.kind === 'obstacle')
      throw new KnownError('INSTALL_BLOCKED', { name: blob.digest, problem: state.problem });
    return state.kind === 'sound' || (await this.#received(blob));
  }

  async ensureRoom(wanted: readonly Descriptor[]): Promise<void> {
    const missing = (blob: Descriptor) =>
      this.#receivedBefore ? this.#work().blobs.missing(blob, defaultPieceSize) : blob.size;
    const bytes = wanted.reduce((sum, blob) => sum + missing(blob), 0);
    const path = this.#request.store;
    const { bavail, bsize } = await statfs(path);
    const free = Math.max(0, bavail * bsize - margin);
    if (bytes > free) throw new KnownError('NO_ROOM', { needed: bytes, path, free });
  }

  /** A fresh store has neither of the two. */
  prepare(): void {
    prepareStore(this.#request.store);
    this.#store[Symbol.dispose]();
    this.#store = OllamaStore.open(this.#request.store, [], () => {});
  }

  /** Blobs that lay in the store, and that no manifest may name, are kept beside it until everything is in place. */
  hold(models: readonly WelcomeModel[], { now }: InstallEffects): void {
    for (const { name, checked } of models) {
      if (digestInStore(this.#request.store, name) === checked.digest) continue;
      for (const { digest } of blobsOf(checked.manifest)) {
        const file = this.#read.get(digest);
        if (file !== undefined && holdBlob(this.#store, this.#work(), { digest, file }, now()))
          this.#mayVanish = true;
      }
    }
  }

  async place(model: WelcomeModel, effects: InstallEffects): Promise<InstalledModel> {
    const { name, checked } = model;
    const inPlace = digestInStore(this.#request.store, name) === checked.digest;
    const wanted = blobsOf(checked.manifest);
    if (inPlace && wanted.every(({ digest }) => this.#sound.has(digest))) return this.installed(model, []);
    const kept = await this.#put(model, inPlace, effects);
    for (const { digest } of wanted) this.#sound.add(digest);
    return { ...this.installed(model, kept), known: false };
  }

  /**
   * A clean-up of Ollama that began before a manifest was there takes the old blobs that it names after it is: what it
   * takes is put back, until nothing was missing for a while. Then nothing waits beside the store any more.
   */
  async settle(models: readonly WelcomeModel[], effects: InstallEffects): Promise<void> {
    for (
      let look = 0, quiet = 0;
      this.#mayVanish && quiet < cleanUpLooks.times && look < mostLooks;
      look += 1
    ) {
      await effects.wait(cleanUpLooks.everyMs, effects.signal);
      if (effects.signal.aborted) break;
      quiet += 1;
      for (const model of models) {
        const gone = blobsOf(model.checked.manifest).filter(({ digest }) => !this.#isThere(digest));
        if (gone.length === 0) continue;
        for (const { digest } of gone) this.#sound.delete(digest);
        await this.#put(model, true, effects);
        for (const { digest } of gone) this.#sound.add(digest);
        quiet = 0;
      }
    }
    if (!this.#receivedBefore) return;
    for (const { digest } of models.flatMap(({ checked }) => blobsOf(checked.manifest)))
      await forgetReceived(this.#work(), digest);
  }

  #put(model: WelcomeModel, inPlace: boolean, effects: InstallEffects): Promise<readonly string[]> {
    const state = { store: this.#store, work: this.#work(), sound: this.#sound, inPlace };
    return placeModel(model, state, effects);
  }

  #isThere(digest: Digest): boolean {
    return this.#statOf(digest) !== undefined;
  }

  #statOf(digest: Digest) {
    try {
      return this.#store.blobs?.lstat(blobFileName(digest));
    } catch {
      return undefined;
    }
  }

  /** What is known of a model, before or after it was put in place. */
  installed({ name, checked }: WelcomeModel, kept: readonly string[]): InstalledModel {
    const blobs = blobsOf(checked.manifest);
    const known =
      digestInStore(this.#request.store, name) === checked.digest &&
      blobs.every(({ digest }) => this.#sound.has(digest));
    const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
    return { name, digest: checked.digest, bytes, known, kept };
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }

  /** Received by an earlier run that was cut. */
  async #received({ digest, size }: Descriptor): Promise<boolean> {
    if (!this.#receivedBefore) return false;
    return (await this.#work().blobs.find(digest))?.size === size;
  }

  /** Where nothing was received before, no place is made for the question; a dry run makes none at all. */
  get #receivedBefore(): boolean {
    return !this.#request.dryRun && (this.#place !== undefined || WorkPlace.isThere(this.#request.store));
  }

  #work(): WorkPlace {
    this.#place ??= this.#request.work();
    return this.#place;
  }
}
