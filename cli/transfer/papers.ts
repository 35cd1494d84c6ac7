import { join } from 'node:path';
import type { WholeArchive } from '../../src/archive/index.ts';
import { assertContinues, type Sender } from '../../src/custody/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { type Digest, digestHex } from '../../src/oci/index.ts';
import { besideArchive } from './beside.ts';
import { readBeside, readNamed } from './custody.ts';
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
   * Whether volumes, signature and record speak of this index.
   *
   * @throws KnownError ARCHIVE_SENDER, ARCHIVE_ALTERED, RECORD_BROKEN
   */
  judge(id: Digest): void {
    const { id: expected } = this.#archive;
    if (expected !== undefined && expected !== id)
      throw new KnownError('ARCHIVE_ALTERED', { where: 'its index', expected, actual: id });
    this.sender = senderLine(this.#signature, id, this.#places.senders);
    const own = readBeside(this.placesOf(id).record);
    const sent = this.#sent;
    // What came with the medium, unless what is here goes on from it.
    this.before = own.length > sent.length && own.subarray(0, sent.length).equals(sent) ? own : sent;
    assertContinues(this.before, id);
  }

  /** Where this side keeps the record of an archive, and its page. */
  placesOf(id: Digest): { readonly record: string; readonly sheet: string } {
    const base = join(this.#places.transfers, digestHex(id));
    return { record: `${base}.transfer.jsonl`, sheet: `${base}.sheet.txt` };
  }
}
