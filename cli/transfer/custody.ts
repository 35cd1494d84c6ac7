import { lstatSync, readFileSync, writeFileSync } from 'node:fs';
import {
  appendEntry,
  ownCustodyKey,
  readRecord,
  recordWord,
  type SheetFacts,
  type TransferFacts,
  transferSheet,
} from '../../src/custody/index.ts';
import { describeCause, KnownError, systemCode } from '../../src/errors/index.ts';
import { placeWith } from '../../src/files/index.ts';
import type { Digest } from '../../src/oci/index.ts';
import type { StateDirectory } from '../../src/state/index.ts';
import {
  approvalsSizeLimit,
  parseSigningKey,
  readIfThere,
  readUpTo,
  type SigningKey,
} from '../../src/trust/index.ts';
import { type Io, passphrase } from '../terminal/index.ts';

/** What a person says of a transfer. */
export interface CustodyWords {
  /** A private key; without it this side has one of its own. */
  readonly key: string | undefined;
  readonly custodian: string | undefined;
  readonly mediaId: string | undefined;
  readonly seal: string | undefined;
}

/** Signs for this side what it sends and takes. */
export class Custody {
  readonly key: SigningKey;
  /** Where the public half is; undefined where a person named the key. */
  readonly publicPath: string | undefined;
  readonly #words: CustodyWords;
  readonly #now: () => Date;

  private constructor(key: SigningKey, publicPath: string | undefined, words: CustodyWords, now: () => Date) {
    this.key = key;
    this.publicPath = publicPath;
    this.#words = words;
    this.#now = now;
  }

  /** @throws KnownError USAGE, KEY_*, PASSPHRASE_NEEDED, STATE_* */
  static async open(words: CustodyWords, openState: () => StateDirectory, io: Io): Promise<Custody> {
    for (const [flag, word] of [
      ['--custodian', words.custodian],
      ['--media-id', words.mediaId],
      ['--seal', words.seal],
    ] as const)
      if (word !== undefined && recordWord(word) === undefined)
        throw new KnownError('USAGE', { problem: `${flag} takes 1 to 200 characters that can be printed` });
    if (words.key === undefined) {
      const own = await ownCustodyKey(openState());
      return new Custody(own.key, own.publicPath, words, io.now);
    }
    const key = await parseSigningKey(readKeyText(words.key), () => passphrase(io));
    return new Custody(key, undefined, words, io.now);
  }

  /** The record with an entry of this side, for `archive`. @throws KnownError RECORD_BROKEN */
  entry(
    before: Uint8Array,
    archive: Digest,
    facts: Omit<TransferFacts, 'time' | 'custodian' | 'mediaId' | 'seal'>,
  ): string {
    const { custodian, mediaId, seal } = this.#words;
    const time = this.#now()
      .toISOString()
      .replace(/\.\d{3}Z$/, 'Z');
    return appendEntry(before, archive, { ...facts, time, custodian, mediaId, seal }, this.key);
  }
}

/** Writes a record and the page that says the same. @throws KnownError FILE_UNWRITABLE */
export function writeRecord(
  record: string,
  places: { readonly record: string; readonly sheet: string },
  facts: Omit<SheetFacts, 'record'>,
): void {
  writeBeside(places.record, record);
  writeBeside(places.sheet, transferSheet({ ...facts, record: readRecord(Buffer.from(record)) }));
}

/** Asked before a long transfer too. @throws KnownError FILE_UNWRITABLE */
export function refuseLink(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  throw new KnownError('FILE_UNWRITABLE', {
    path,
    problem: 'it is a link, and what it leads to is left alone',
  });
}

/**
 * Writes a file whole. Not through a link: a medium may have been in any hands, and a link on it leads wherever they
 * wanted.
 *
 * @throws KnownError FILE_UNWRITABLE
 */
export function writeBeside(path: string, content: Uint8Array | string): void {
  refuseLink(path);
  try {
    // What lies there by now is replaced, and not followed.
    placeWith(path, 0o644, (fd) => writeFileSync(fd, content));
  } catch (error) {
    throw new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
  }
}

/** A signature or a record, empty where there is none. @throws KnownError PAPER_UNREADABLE */
export const readBeside = (path: string): Buffer =>
  readPaper(path, () => readIfThere(path, approvalsSizeLimit) ?? Buffer.alloc(0));

/** A signature or a record that a person named: it must be there. @throws KnownError PAPER_UNREADABLE */
export const readNamed = (path: string): Buffer => readPaper(path, () => readUpTo(path, approvalsSizeLimit));

function readPaper(path: string, read: () => Buffer): Buffer {
  try {
    return read();
  } catch (error) {
    const problem = systemCode(error) === 'ENOENT' ? 'there is no such file' : describeCause(error);
    throw new KnownError('PAPER_UNREADABLE', { path, problem }, error);
  }
}

function readKeyText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new KnownError('KEY_UNREADABLE', { path, problem: describeCause(error) }, error);
  }
}
