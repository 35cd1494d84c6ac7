import { fstatSync, statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { KnownError } from '../errors/index.ts';
import { type FileIdentity, identityOf, settle } from '../files/index.ts';
import type { Digest } from '../oci/index.ts';
import {
  canWrite,
  encodeSeal,
  keyTravelsWith,
  openSealKey,
  readSeal,
  type Seal,
  type SealedFile,
  sealFileName,
  type Volume,
  volumeOf,
  writesShow,
} from '../seal/index.ts';
import type { StateDirectory } from '../state/index.ts';
import { type BlobIndex, BlobTable, type OllamaStore, type Report } from '../store/index.ts';
import type { BlobTables } from './blob-tables.ts';
import type { Inventory } from './inventory.ts';
import { judgeSize } from './judge-blob.ts';
import { lookAtBlob } from './look-at-blob.ts';
import { ProvenFiles } from './proven-files.ts';

/** How a run uses seals. */
export interface SealingRequest {
  /** Opened only now. @throws KnownError STATE_* */
  readonly openState: () => StateDirectory;
  /** A file with the key; undefined means the state directory's own. */
  readonly keyFile: string | undefined;
  /** Milliseconds; a proof that is older does not count. */
  readonly maxAgeMs: number;
  /** The check decides whether something starts: what another user could have forged is not taken. */
  readonly guarded: boolean;
  /** Hash everything, and make the seal anew. */
  readonly afresh: boolean;
  readonly host: HostFacts;
  readonly random: (bytes: number) => Uint8Array;
}

/** What the operating system says of this host. */
export interface HostFacts {
  /** `/proc/self/mountinfo`; undefined where there is none. */
  readonly mountInfo: string | undefined;
  readonly bootId: string | undefined;
  readonly uid: number | undefined;
  /** Groups of this process. */
  readonly groups: readonly number[];
  readonly home: string | undefined;
}

/** Seals younger than this see nothing: a second write may fall into the same tick of the file system's clock. */
const settledAfterMs = 2000;
const breath = 256;

/** The seals of one run: what is taken from the last one, and what is kept for the next. */
export class Sealing {
  readonly #request: SealingRequest;
  readonly #now: Date;
  #state: StateDirectory | undefined;
  #key: Uint8Array | undefined;
  #seal: Seal | undefined;
  #volume: Volume | undefined;
  #device = 0n;
  #proven: ProvenFiles | undefined;
  #table = new BlobTable();
  #taken = 0;
  #kept = 0;
  #forgeable = false;
  #stateOwner = 0;

  constructor(request: SealingRequest, now: Date) {
    this.#request = request;
    this.#now = now;
  }

  /** The blobs of this run; none before `take`. */
  get table(): BlobTable {
    return this.#table;
  }

  /** The state in which a blob was proven in this run; undefined where it was not. */
  provenState(index: BlobIndex): FileIdentity | undefined {
    return this.#proven?.get(index)?.identity;
  }

  /** The state of a blob now, flushed where that is needed; undefined for a link and for what is gone. */
  stateNow(store: OllamaStore, index: BlobIndex): FileIdentity | undefined {
    return lookAtBlob(store, this.#table, index, this.#flush, identityOf);
  }

  /** Marks the blobs whose bytes need not be read: 1 in the place of each. Says what it does not take, and why. */
  async take(
    store: OllamaStore,
    inventory: Inventory,
    tables: BlobTables,
    report: Report,
  ): Promise<Uint8Array> {
    const { table, references } = inventory;
    const taken = new Uint8Array(table.length);
    const proven = new ProvenFiles(table.length);
    this.#proven = proven;
    this.#table = table;
    const why = this.#open(store);
    if (why !== undefined) report({ rule: 'seal-not-used', message: `every blob is hashed: ${why}` });
    if (this.#state === undefined || store.blobs === undefined) return taken;
    let bytes = 0;
    for (let index = 0; index < table.length; index += 1) {
      if (index % breath === 0) await setImmediate();
      const identity = this.#look(store, inventory, index);
      if (identity === undefined || this.#seal === undefined) continue;
      const digest = table.digest(index);
      const kept = this.#seal.proofOf(digest, identity);
      if (kept === undefined || judgeSize(table, index, references.get(digest)) !== undefined) continue;
      if (kept.table !== undefined && (tables.whole || tables.tableNamed(digest) !== kept.table)) continue;
      taken[index] = 1;
      this.#taken += 1;
      bytes += table.size(index);
      proven.set(index, identity, kept.table, kept.provenAt);
    }
    if (this.#forgeable) return this.#tellForgeable(taken, report);
    if (this.#taken > 0) this.#tellTaken(table.length, bytes, report);
    return taken;
  }

  /** A blob was read and is what its name says. */
  keep(
    index: BlobIndex,
    digest: Digest,
    { identity, by }: { readonly identity: FileIdentity; readonly by: 'whole' | 'pieces' },
    tables: BlobTables,
  ): void {
    const named = by === 'pieces' ? tables.tableNamed(digest) : undefined;
    this.#proven?.set(index, identity, named, Math.floor(this.#now.getTime() / 1000));
    this.#kept += 1;
  }

  /** Writes the seal for the next run. Where it cannot be written the result stands, and the report says so. */
  save(store: OllamaStore, { table }: Inventory, list: string | null, report: Report): void {
    const [state, key, proven] = [this.#state, this.#key, this.#proven];
    // Nothing is new: the seal that was read holds all of it.
    const unchanged = this.#kept === 0 && this.#seal !== undefined;
    if (state === undefined || key === undefined || proven === undefined || unchanged) return;
    const files: SealedFile[] = [];
    const before = BigInt(this.#now.getTime() - settledAfterMs) * 1_000_000n;
    for (let index = 0; index < table.length; index += 1) {
      const file = table.isLink(index) || table.isColon(index) ? undefined : proven.get(index);
      if (file === undefined || file.identity.dev !== this.#device || file.identity.ctimeNs > before)
        continue;
      files.push({ digest: table.digest(index), ...file });
    }
    const header = {
      ...{ store: store.path, madeAt: this.#now.getTime(), bootId: this.#request.host.bootId ?? '' },
      ...{
        device: `${this.#device}`,
        source: this.#volume?.source ?? '',
        type: this.#volume?.type ?? '',
        list,
      },
    };
    try {
      state.write(sealFileName(store.path), encodeSeal(header, files, key));
    } catch (error) {
      tellUnusable(error, report);
    }
  }

  /** Opens state, key and seal; the reason when no seal counts. What is unusable is no failure: all is hashed then. */
  #open(store: OllamaStore): string | undefined {
    const { openState, keyFile, host, random, maxAgeMs, afresh } = this.#request;
    if (store.blobs === undefined) return 'there is no blobs/';
    this.#device = fstatSync(store.blobs.fd, { bigint: true }).dev;
    this.#volume = volumeOf(store.blobs.path, host.mountInfo);
    if (writesShow(this.#volume) === 'never') {
      return `on ${this.#volume?.type} a write through a memory mapping leaves no trace, so nothing is sealed there`;
    }
    try {
      const state = openState();
      const keyVolume = volumeOf(keyFile ?? state.path, host.mountInfo);
      if (keyTravelsWith(this.#volume, keyVolume, host.home)) {
        return 'the key of the seal would lie on the volume that it seals; name another place with --state DIR or --seal-key FILE';
      }
      this.#state = state;
      this.#key = openSealKey(state, keyFile, random);
      this.#forgeable = this.#canForge(state, store);
      if (afresh) return '--full';
      const facts = { store: store.path, device: this.#device, volume: this.#volume, bootId: host.bootId };
      const seal = readSeal(state, this.#key, { ...facts, now: this.#now, maxAgeMs });
      if (typeof seal === 'string') return seal;
      this.#seal = seal;
      return undefined;
    } catch (error) {
      this.#state = undefined;
      if (error instanceof KnownError) return error.message;
      throw error;
    }
  }

  /** A user other than root who can write both the store and the state can make any seal they like. */
  #canForge(state: StateDirectory, store: OllamaStore): boolean {
    const { uid } = statSync(state.path);
    this.#stateOwner = uid;
    if (uid === 0 || this.#request.host.uid === undefined) return false;
    return [store.path, store.manifests?.path, store.blobs?.path].some(
      (path) => path !== undefined && this.#couldWrite(statSync(path), uid),
    );
  }

  #couldWrite(
    file: { uid: number | bigint; gid: number | bigint; mode: number | bigint },
    uid: number,
  ): boolean {
    const { host } = this.#request;
    return canWrite(file, uid, uid === host.uid ? new Set(host.groups) : undefined);
  }

  /** The state of a blob now, and in passing who could write it. */
  #look(store: OllamaStore, { table }: Inventory, index: BlobIndex): FileIdentity | undefined {
    return lookAtBlob(store, table, index, this.#flush, (stat) => {
      if (this.#stateOwner !== 0 && this.#couldWrite(stat, this.#stateOwner)) this.#forgeable = true;
      return identityOf(stat);
    });
  }

  get #flush(): ((fd: number) => unknown) | undefined {
    return writesShow(this.#volume) === 'at-once' ? undefined : settle;
  }

  #tellForgeable(taken: Uint8Array, report: Report): Uint8Array {
    const used = this.#request.guarded
      ? 'so that every blob is hashed before this start'
      : `${this.#taken} blobs were taken from the seal all the same`;
    report({
      rule: 'state-forgeable',
      path: this.#state?.path,
      message: `one user can write both the store and the state directory, and could forge a seal; ${used}`,
      hint: 'run the check as another user than Ollama (root with --user, a systemd unit, an init container)',
    });
    if (!this.#request.guarded) return taken;
    this.#taken = 0;
    return new Uint8Array(taken.length);
  }

  #tellTaken(blobs: number, bytes: number, report: Report): void {
    const at = this.#seal?.madeAt.toISOString();
    const message = `${this.#taken} of ${blobs} blobs (${bytes} bytes) were taken from the seal of ${at}, the others were hashed`;
    report({ rule: 'seal-used', actual: `${this.#taken}`, message });
  }
}

function tellUnusable(error: unknown, report: Report): void {
  if (!(error instanceof KnownError)) throw error;
  report({ rule: 'state-unusable', message: error.message, hint: error.hint });
}
