import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { WholeArchive } from '../../src/archive/index.ts';
import { type ArchiveFacts, assertContinues, type Sender, type SheetFacts } from '../../src/custody/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { type Digest, digestHex } from '../../src/oci/index.ts';
import { besideArchive } from './beside.ts';
import { readBeside, readNamed, writeBeside, writeRecord } from './custody.ts';
import { type KeptRecord, makeRecordFolder } from './kept-record.ts';
import { senderLine } from './senders.ts';

/** What lies beside an archive, where a person named other files; and where the records of this side are. */
export interface PaperPlaces {
  readonly signature: string | undefined;
  readonly record: string | undefined;
  readonly senders: readonly Sender[];
  /** Directory of the records of this side. */
  readonly transfers: string;
}

/** The papers that came with an archive: all of them are judged before anything of it is taken. */
export class Papers {
  /** Who sent it, for people. */
  sender = '';
  /** The record that an entry of this side continues. */
  before: Buffer = Buffer.alloc(0);
  /** The record that is here, where `before` does not go on from it. */
  #apart: Buffer | undefined;
  readonly #archive: Pick<WholeArchive, 'id'>;
  readonly #places: PaperPlaces;
  readonly #signature: Buffer;
  readonly #sent: Buffer;

  /** @throws KnownError PAPER_UNREADABLE */
  constructor(archive: Pick<WholeArchive, 'path' | 'id'>, places: PaperPlaces) {
    const beside = besideArchive(archive.path);
    this.#archive = archive;
    this.#places = places;
    const { signature, record } = places;
    this.#signature = signature === undefined ? readBeside(beside.signature) : readNamed(signature);
    this.#sent = record === undefined ? readBeside(beside.record) : readNamed(record);
  }

  /**
   * Whether volumes, signature and record speak of this index, and records of what it says.
   *
   * @throws KnownError ARCHIVE_SENDER, ARCHIVE_ALTERED, RECORD_BROKEN
   */
  judge(id: Digest, said: ArchiveFacts): void {
    const { id: expected } = this.#archive;
    if (expected !== undefined && expected !== id)
      throw new KnownError('ARCHIVE_ALTERED', { where: 'its index', expected, actual: id });
    this.sender = senderLine(this.#signature, id, this.#places.senders);
    const own = readBeside(this.#placesOf(id).record);
    const sent = this.#sent;
    // What came with the medium, unless what is here goes on from it.
    this.before = goesOnFrom(own, sent) ? own : sent;
    this.#apart = goesOnFrom(this.before, own) ? undefined : own;
    assertContinues(this.before, id, said);
  }

  /** Makes the place of records: asked before anything is taken that they would tell of. @throws KnownError FILE_UNWRITABLE */
  prepare(): void {
    makeRecordFolder(this.#places.transfers);
  }

  /**
   * Keeps the record with the entry of this side, and its page. What this side signed before stays, whatever came with
   * the archive.
   *
   * @throws KnownError FILE_UNWRITABLE
   */
  keep(id: Digest, record: string, facts: Omit<SheetFacts, 'record'>): KeptRecord {
    const places = this.#placesOf(id);
    const apart =
      this.#apart && places.record.replace(/(?=\.transfer\.jsonl$)/, `.${shortHash(this.#apart)}`);
    if (apart !== undefined) writeBeside(apart, this.#apart ?? '');
    writeRecord(record, places, facts);
    return { record: places.record, apart };
  }

  /** Where this side keeps the record of an archive, and its page. */
  #placesOf(id: Digest): { readonly record: string; readonly sheet: string } {
    const base = join(this.#places.transfers, digestHex(id));
    return { record: `${base}.transfer.jsonl`, sheet: `${base}.sheet.txt` };
  }
}

const goesOnFrom = (record: Buffer, earlier: Buffer): boolean =>
  record.subarray(0, earlier.length).equals(earlier);

const shortHash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex').slice(0, 12);
