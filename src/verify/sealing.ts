import { setImmediate } from 'node:timers/promises';
import { KnownError } from '../errors/index.ts';
import { type FileIdentity, fsyncIsDenied, identityOf, settle } from '../files/index.ts';
import type { Digest } from '../oci/index.ts';
import { encodeSeal, type KeptProof, type SealedFile, sealFileName } from '../seal/index.ts';
import { type BlobIndex, BlobTable, type OllamaStore, type Report } from '../store/index.ts';
import type { BlobTables } from './blob-tables.ts';
import type { Inventory } from './inventory.ts';
import { judgeSize } from './judge-blob.ts';
import { flushBlob, lookAtBlob } from './look-at-blob.ts';
import { type OpenSeals, openSeals, type SealingRequest } from './open-seals.ts';
import { ProvenFiles } from './proven-files.ts';
import { VerityDigests } from './verity-digests.ts';

/** Seals younger than this see nothing: a second write may fall into the same tick of the file system's clock. */
const settledAfterMs = 2000;
const breath = 256;

/** The seals of one run: what is taken from the last one, and what is kept for the next. */
export class Sealing {
  readonly #request: SealingRequest;
  readonly #now: Date;
  readonly #verity: VerityDigests | undefined;
  #open: OpenSeals | undefined;
  #proven: ProvenFiles | undefined;
  #table = new BlobTable();
  /** 1 for each blob that is taken. */
  #isTaken = new Uint8Array();
  #taken = 0;
  #byVerity = 0;
  #kept = 0;

  constructor(request: SealingRequest, now: Date) {
    this.#request = request;
    this.#now = now;
    this.#verity = request.measure === undefined ? undefined : new VerityDigests(request.measure);
  }

  /** Something is started because of this run, and what it saw is looked at once more just before. */
  get guarded(): boolean {
    return this.#request.guarded;
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
  async stateNow(store: OllamaStore, index: BlobIndex): Promise<FileIdentity | undefined> {
    if (this.#flushesApart && !(await flushBlob(store, this.#table, index))) return undefined;
    return lookAtBlob(store, this.#table, index, this.#flush, identityOf);
  }

  /** Marks the blobs whose bytes need not be read: 1 in the place of each. Says what it does not take, and why. */
  async take(
    store: OllamaStore,
    inventory: Inventory,
    tables: BlobTables,
    report: Report,
  ): Promise<Uint8Array> {
    const { table } = inventory;
    const taken = new Uint8Array(table.length);
    const proven = new ProvenFiles(table.length);
    this.#proven = proven;
    this.#isTaken = taken;
    this.#table = table;
    const open = openSeals(store, this.#request, this.#now);
    this.#open = open;
    if (open.why !== undefined)
      report({ rule: 'seal-not-used', message: `every blob is hashed: ${open.why}` });
    if (open.place === undefined) return taken;
    let { forgeable } = open;
    let bytes = 0;
    for (let index = 0; index < table.length; index += 1) {
      if (index % breath === 0) await setImmediate();
      if (this.#flushesApart && !(await flushBlob(store, table, index))) continue;
      const identity = lookAtBlob(store, table, index, this.#flush, (stat) => {
        if (open.couldForge(stat)) forgeable = true;
        return identityOf(stat);
      });
      if (identity === undefined) continue;
      const kept = await this.#proofOf(store, inventory, index, identity);
      if (kept === undefined || !holdsBy(kept, table.digest(index), tables)) continue;
      taken[index] = 1;
      this.#taken += 1;
      bytes += table.size(index);
      proven.set(index, identity, kept.table, kept.provenAt);
    }
    if (forgeable) return this.#tellForgeable(taken, report);
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
  async save(store: OllamaStore, { table }: Inventory, list: string | null, report: Report): Promise<void> {
    const [open, proven] = [this.#open, this.#proven];
    // Nothing is new: the seal that was read holds all of it.
    const unchanged = this.#kept === 0 && this.#byVerity === 0 && open?.seal !== undefined;
    const nothingNew = unchanged && this.#verity === undefined;
    if (open?.place === undefined || proven === undefined || nothingNew) return;
    const { place, device, volume, seal } = open;
    const indexes: BlobIndex[] = [];
    const before = BigInt(this.#now.getTime() - settledAfterMs) * 1_000_000n;
    let [found, learned] = [false, false];
    for (let index = 0; index < table.length; index += 1) {
      const identity = table.isLink(index) || table.isColon(index) ? undefined : this.provenState(index);
      if (identity === undefined || identity.dev !== device) continue;
      const sealed = this.#isTaken[index] === 1 ? seal?.verityOf(table.digest(index)) : undefined;
      const verity = sealed ?? (await this.#verity?.of(store, table, index, identity));
      if (verity !== undefined) found = true;
      if (verity !== sealed) learned = true;
      // What the kernel keeps unchanged needs no time to settle.
      if (verity !== undefined || identity.ctimeNs <= before) indexes.push(index);
    }
    if (!found) this.#verity?.tell(report);
    if (unchanged && !learned) return;
    const digests = indexes.map((index) => table.digest(index));
    const fileAt = (place: number): SealedFile => {
      const [index = 0, digest] = [indexes[place], digests[place]];
      const file = proven.get(index);
      if (file === undefined || digest === undefined) throw new RangeError(`${place} is none of the files`);
      return { digest, verity: this.#verity?.known(index) ?? seal?.verityOf(digest), ...file };
    };
    const header = {
      store: store.path,
      madeAt: this.#now.getTime(),
      bootId: this.#request.host.bootId ?? '',
      device: `${device}`,
      source: volume?.source ?? '',
      type: volume?.type ?? '',
      list,
    };
    try {
      place.state.write(sealFileName(store.path), encodeSeal(header, { digests, fileAt }, place.key));
    } catch (error) {
      if (!(error instanceof KnownError)) throw error;
      report({ rule: 'state-unusable', message: error.message, hint: error.hint });
    }
  }

  /** By the state of the file; else, where it was asked for, by what the kernel says of its bytes. */
  async #proofOf(
    store: OllamaStore,
    { table, references }: Inventory,
    index: BlobIndex,
    identity: FileIdentity,
  ): Promise<KeptProof | undefined> {
    const seal = this.#open?.seal;
    const digest = table.digest(index);
    if (seal === undefined || judgeSize(table, index, references.get(digest)) !== undefined) return undefined;
    const kept = seal.proofOf(digest, identity);
    if (kept !== undefined || this.#verity === undefined) return kept;
    const sealed = seal.verityOf(digest);
    if (sealed === undefined || sealed !== (await this.#verity.of(store, table, index, identity)))
      return undefined;
    this.#byVerity += 1;
    return seal.proofByVerity(digest, this.#now);
  }

  get #flush(): ((fd: number) => unknown) | undefined {
    return this.#open?.writesShow === 'at-once' || fsyncIsDenied() ? undefined : settle;
  }

  /** A write shows only once it is flushed, and Node.js denies fsync by number: a step of its own does it. */
  get #flushesApart(): boolean {
    return this.#open?.writesShow !== 'at-once' && fsyncIsDenied();
  }

  #tellForgeable(taken: Uint8Array, report: Report): Uint8Array {
    const used = this.#request.guarded
      ? 'so that every blob is hashed before this start'
      : `${this.#taken} blobs were taken from the seal all the same`;
    report({
      rule: 'state-forgeable',
      path: this.#open?.place?.state.path,
      message: `one user can write both the store and the state directory, and could forge a seal; ${used}`,
      hint: 'run the check as another user than Ollama (root with --user, a systemd unit, an init container)',
    });
    if (!this.#request.guarded) return taken;
    // What could be forged is not sealed anew either.
    this.#proven = new ProvenFiles(taken.length);
    this.#isTaken = new Uint8Array(taken.length);
    [this.#taken, this.#byVerity] = [0, 0];
    return this.#isTaken;
  }

  #tellTaken(blobs: number, bytes: number, report: Report): void {
    const at = this.#open?.seal?.madeAt.toISOString();
    const verity = this.#byVerity === 0 ? '' : `, ${this.#byVerity} of them by fs-verity`;
    const message = `${this.#taken} of ${blobs} blobs (${bytes} bytes) were taken from the seal of ${at}${verity}, the others were hashed`;
    report({ rule: 'seal-used', actual: `${this.#taken}`, message });
  }
}

/** A proof by a table counts while the list names that table. */
const holdsBy = ({ table }: KeptProof, digest: Digest, tables: BlobTables): boolean =>
  table === undefined || (!tables.whole && tables.tableNamed(digest) === table);
