import { closeSync, fstatSync } from 'node:fs';
import { describeCause } from '../errors/index.ts';
import { difference, type FileIdentity, identityOf } from '../files/index.ts';
import { type Digest, isDigest } from '../oci/index.ts';
import { type BlobIndex, type BlobTable, type OllamaStore, openBlob, type Report } from '../store/index.ts';

/**
 * What the kernel says of files on which fs-verity was enabled (kernel documentation, "fs-verity"): such a file cannot be
 * written any more, and every read of it is held against a Merkle tree, whose digest this is. It is not the digest of the
 * bytes, and says nothing alone; a file with the one that it had when its bytes were proven still has those bytes, wherever
 * it lies, whatever its times, and however old the proof.
 */
export class VerityDigests {
  readonly #measure: (fd: number) => Promise<string | Error>;
  readonly #known = new Map<BlobIndex, Digest | undefined>();
  #problem: string | undefined;
  #over = false;

  constructor(measure: (fd: number) => Promise<string | Error>) {
    this.#measure = measure;
  }

  /** Of a blob that is in this state; undefined where there is none, or it is in another state by now. */
  async of(
    store: OllamaStore,
    table: BlobTable,
    index: BlobIndex,
    identity: FileIdentity,
  ): Promise<Digest | undefined> {
    if (!this.#known.has(index)) this.#known.set(index, await this.#ask(store, table, index, identity));
    return this.#known.get(index);
  }

  /** What was asked before, without asking. */
  known(index: BlobIndex): Digest | undefined {
    return this.#known.get(index);
  }

  /** Says why no file has it, where one was asked for. */
  tell(report: Report): void {
    if (this.#problem === undefined) return;
    report({
      rule: 'verity-not-used',
      message: `fs-verity proves nothing here: ${this.#problem}`,
      hint: 'fsverity enable FILE, on a file system made with it (ext4 -O verity, f2fs, btrfs)',
    });
  }

  async #ask(
    store: OllamaStore,
    table: BlobTable,
    index: BlobIndex,
    identity: FileIdentity,
  ): Promise<Digest | undefined> {
    if (this.#over) return undefined;
    let fd: number;
    try {
      fd = openBlob(store, table, index);
    } catch (error) {
      this.#problem ??= describeCause(error);
      return undefined;
    }
    try {
      const measured = await this.#measure(fd);
      if (typeof measured !== 'string') {
        this.#problem ??= measured.message;
        // ENODATA is of this file alone; the program that is missing, or a file system that cannot, is of all of them.
        this.#over = !/No data available/.test(measured.message);
      } else if (!isDigest(measured))
        this.#problem ??= `the kernel's digest is not a SHA-256: ${measured.slice(0, 80)}`;
      else if (difference(identity, identityOf(fstatSync(fd, { bigint: true }))) === undefined)
        return measured;
      return undefined;
    } finally {
      closeSync(fd);
    }
  }
}
