import type { FileIdentity } from '../files/index.ts';
import type { Digest, LayerKind, ModelName } from '../oci/index.ts';
import type { ModelStatus } from '../report/index.ts';
import type { BlobIndex, BlobObstacle } from '../store/index.ts';

/** What has been found out about one model so far; a later finding can only make it worse. */
export class ModelRecord {
  readonly name: ModelName;
  readonly full: string;
  readonly short: string;
  readonly manifestDigest: Digest | undefined;
  /** Bytes of the manifest; 0 where it was not read. */
  readonly manifestSize: number;
  /** What `ollama list` shows the beginning of; mostly the same. */
  readonly idDigest: Digest | undefined;
  /** Manifest and blobs. */
  readonly bytes: number;
  /** Names no layers: it must name a remote host in its config. */
  readonly remoteStub: boolean;
  readonly config: Digest | undefined;
  /** The state in which the manifest was read; undefined where it was not. */
  readonly manifestState: FileIdentity | undefined;
  /** The manifest was replaced while the store was read: what was found is about the one before. */
  moved = false;
  readonly #hits = new Set<ModelStatus>();

  constructor(facts: {
    name: ModelName;
    full: string;
    short: string;
    manifestDigest: Digest | undefined;
    manifestSize: number;
    idDigest: Digest | undefined;
    bytes: number;
    remoteStub: boolean;
    config: Digest | undefined;
    manifestState: FileIdentity | undefined;
  }) {
    this.name = facts.name;
    this.full = facts.full;
    this.short = facts.short;
    this.manifestDigest = facts.manifestDigest;
    this.manifestSize = facts.manifestSize;
    this.idDigest = facts.idDigest;
    this.bytes = facts.bytes;
    this.remoteStub = facts.remoteStub;
    this.config = facts.config;
    this.manifestState = facts.manifestState;
  }

  mark(status: Exclude<ModelStatus, 'ok'>): void {
    this.#hits.add(status);
  }

  get status(): ModelStatus {
    const order = ['altered', 'untrusted', 'missing', 'unchecked'] as const;
    return order.find((status) => this.#hits.has(status)) ?? 'ok';
  }
}

/** One place in one model that names a blob. */
export interface LayerUse {
  readonly model: ModelRecord;
  readonly kind: LayerKind;
  /** Bytes, as the manifest says; undefined where the manifest is refused and the digest was only seen in its text. */
  readonly size: number | undefined;
}

/** A blob as the manifests name it, and what lies in its place. */
export class Reference {
  readonly digest: Digest;
  readonly uses: LayerUse[] = [];
  index: BlobIndex | undefined;
  obstacle: BlobObstacle | undefined;
  /** Its bytes were hashed in this run and are right. */
  intact = false;
  /** It is there and was not hashed in this run. */
  unhashed = false;

  constructor(digest: Digest) {
    this.digest = digest;
  }

  /** Named by a manifest that was accepted and is still there. */
  get firm(): boolean {
    return this.uses.some((use) => use.size !== undefined && !use.model.moved);
  }

  mark(status: Exclude<ModelStatus, 'ok'>): void {
    for (const use of this.uses) use.model.mark(status);
  }
}

/** The blobs that manifests name, by digest. */
export class References {
  readonly #all = new Map<Digest, Reference>();

  add(digest: Digest, use: LayerUse): void {
    let reference = this.#all.get(digest);
    if (reference === undefined) {
      reference = new Reference(digest);
      this.#all.set(digest, reference);
    }
    reference.uses.push(use);
  }

  get(digest: Digest): Reference | undefined {
    return this.#all.get(digest);
  }

  [Symbol.iterator](): IterableIterator<Reference> {
    return this.#all.values();
  }
}
