import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { KnownError } from '../errors/index.ts';
import { type Digest, digestFromBytes, emptyDigest, isDigest, readStrictJson } from '../oci/index.ts';
import {
  approvalLines,
  approvalsSizeLimit,
  type PublicKey,
  parseBundle,
  parsePublicKey,
  preAuthentication,
  type SigningKey,
  signBundle,
} from '../trust/index.ts';
import { readStatement, transferPredicateType, writeStatement } from './statement.ts';

/** Entries of one record. */
const entryLimit = 1000;

/** What one end of a transfer says of it. */
export interface TransferFacts {
  readonly action: 'exported' | 'imported' | 'installed';
  /** By the clock of this side, RFC 3339 in UTC; that of the other side stands in its own entry. */
  readonly time: string;
  readonly custodian?: string | undefined;
  readonly mediaId?: string | undefined;
  readonly seal?: string | undefined;
  /** Models that were sent, or that came in. */
  readonly models: number;
  /** Models that were not let in. */
  readonly refused?: number | undefined;
  /** Bytes of the archive. */
  readonly bytes: number;
  /** SHA-256 of the allow-list in the archive. */
  readonly list?: string | undefined;
  /** Volumes, and the SHA-256 of the sums of all their payloads, one after the other, 32 raw bytes each. */
  readonly volumes?: { readonly count: number; readonly digest: string } | undefined;
  /** The record of the audit log that says the same: where that log is, its end cannot be cut off unseen. */
  readonly audit?: { readonly seq: number; readonly hash: string } | undefined;
}

/** One entry, as it was signed. */
export interface TransferEntry extends TransferFacts {
  /** 1, 2, 3, ... */
  readonly entry: number;
  /** SHA-256 of the line before; of nothing for the first. */
  readonly previous: Digest;
  readonly signer: PublicKey;
}

/** What an archive says of itself; every end of a transfer signs the same of it. */
export interface ArchiveFacts {
  /** Models in its index. */
  readonly models: number;
  /** Its bytes. */
  readonly bytes: number;
  /** SHA-256 of the allow-list in it. */
  readonly list: string | undefined;
}

export interface TransferRecord {
  readonly archive: Digest;
  readonly entries: readonly TransferEntry[];
}

const sha256 = (bytes: Uint8Array): Digest => digestFromBytes(createHash('sha256').update(bytes).digest());

const text = z.string().check(z.minLength(1), z.maxLength(200), z.regex(/^[^\p{Cc}\p{Cf}]+$/u));
const whole = z.int().check(z.minimum(0));
const digest = z.string().check(z.refine((word) => isDigest(word), { error: 'is no digest' }));
const schema = z.strictObject({
  entry: z.int().check(z.minimum(1)),
  previous: digest,
  action: z.enum(['exported', 'imported', 'installed']),
  time: z.string().check(z.regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/)),
  custodian: z.optional(text),
  mediaId: z.optional(text),
  seal: z.optional(text),
  models: whole,
  refused: z.optional(whole),
  bytes: whole,
  list: z.optional(digest),
  volumes: z.optional(z.strictObject({ count: whole, digest })),
  audit: z.optional(z.strictObject({ seq: whole, hash: digest })),
  key: z.string().check(z.maxLength(4096)),
});

const rules = {
  maxDepth: 6,
  knownKeys: new Set([
    ...['_type', 'subject', 'name', 'digest', 'sha256', 'predicateType', 'predicate'],
    ...['entry', 'previous', 'action', 'time', 'custodian', 'mediaId', 'seal', 'models', 'refused', 'bytes'],
    ...['list', 'volumes', 'count', 'audit', 'seq', 'hash', 'key'],
  ]),
  integerKeys: new Set(['entry', 'models', 'refused', 'bytes', 'count', 'seq']),
};

/** A word that a person gives for the record, or undefined where it cannot stand there. */
export const recordWord = (word: string): string | undefined =>
  text.safeParse(word).success ? word : undefined;

/**
 * The record with one more entry, which is tied to the one before and signed.
 *
 * @param before the record so far; empty for a first entry
 * @throws KnownError RECORD_BROKEN where what is there cannot be continued
 */
export function appendEntry(
  before: Uint8Array,
  archive: Digest,
  facts: TransferFacts,
  key: SigningKey,
): string {
  assertContinues(before, archive);
  const lines = approvalLines(before);
  const last = lines.at(-1);
  const predicate = {
    entry: lines.length + 1,
    previous: last === undefined ? emptyDigest : sha256(trimmed(last)),
    ...Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)),
    key: key.publicKey.pem,
  };
  const line = signBundle(writeStatement(archive, transferPredicateType, predicate), key);
  return `${[...lines.map((old) => trimmed(old).toString('utf8')), line].join('\n')}\n`;
}

/**
 * Whether a record can be continued by an entry about an archive: asked before anything is done that such an entry
 * would tell of.
 *
 * @param said what the archive says of itself
 * @throws KnownError RECORD_BROKEN
 */
export function assertContinues(before: Uint8Array, archive: Digest, said?: ArchiveFacts): void {
  if (before.length === 0) return;
  const { entries } = readRecordOf(before, archive, said);
  if (entries.length >= entryLimit) throw broken(entryLimit + 1, 'it has too many entries');
}

/**
 * The record of this archive and of no other: every entry says of it what it says of itself, since people go by what
 * stands in a record and on its page.
 *
 * @throws KnownError RECORD_BROKEN
 */
export function readRecordOf(bytes: Uint8Array, archive: Digest, said?: ArchiveFacts): TransferRecord {
  const record = readRecord(bytes);
  if (record.archive !== archive) throw broken(1, `it speaks of the archive ${record.archive}`);
  if (said !== undefined) for (const entry of record.entries) assertSame(entry, said);
  return record;
}

/** @throws KnownError RECORD_BROKEN */
function assertSame({ entry, models, refused = 0, bytes, list }: TransferEntry, said: ArchiveFacts): void {
  const all = models + refused;
  if (all !== said.models)
    throw broken(entry, `it tells of ${all} models, and the archive has ${said.models}`);
  if (bytes !== said.bytes)
    throw broken(entry, `it tells of ${bytes} bytes, and the archive has ${said.bytes}`);
  if (list === said.list) return;
  const told = list === undefined ? 'no allow-list' : `the allow-list ${list}`;
  throw broken(entry, `it tells of ${told}, and the archive has ${said.list ?? 'none'}`);
}

const trimmed = (line: Buffer): Buffer => Buffer.from(line.toString('latin1').trim(), 'latin1');

/**
 * Follows a record from its first entry to its last: each is signed by the key that it names, and tied to the one before.
 * Whose keys they are is for the caller to say.
 *
 * @param known where given, every entry must be signed by one of these
 * @throws KnownError RECORD_BROKEN
 */
export function readRecord(bytes: Uint8Array, known?: readonly PublicKey[]): TransferRecord {
  if (bytes.length > approvalsSizeLimit) throw broken(1, 'it is too large');
  const lines = approvalLines(bytes, entryLimit + 1);
  if (lines.length === 0) throw broken(1, 'there is none');
  if (lines.length > entryLimit) throw broken(entryLimit + 1, 'it has too many entries');
  const entries: TransferEntry[] = [];
  let previous: Digest = emptyDigest;
  let archive: Digest | undefined;
  for (const [at, line] of lines.entries()) {
    const read = readEntry(line, at + 1);
    archive ??= read.archive;
    if (read.archive !== archive) throw broken(at + 1, `it speaks of another archive, ${read.archive}`);
    if (read.entry.entry !== at + 1) throw broken(at + 1, `it calls itself entry ${read.entry.entry}`);
    if (read.entry.previous !== previous) throw broken(at + 1, 'it does not follow the entry before');
    if (known !== undefined && !known.some(({ id }) => id === read.entry.signer.id))
      throw broken(
        at + 1,
        `it is signed by the key ${read.entry.signer.id.slice(0, 12)}, which is not known here`,
      );
    previous = sha256(trimmed(line));
    entries.push(read.entry);
  }
  return { archive: archive ?? emptyDigest, entries };
}

function readEntry(line: Buffer, at: number): { readonly archive: Digest; readonly entry: TransferEntry } {
  const parsed = parseBundle(line);
  if ('problem' in parsed) throw broken(at, parsed.problem);
  const { payload, signature } = parsed.bundle;
  const json = readStrictJson(payload, rules);
  const statement = json.ok ? readStatement(json.value, transferPredicateType) : undefined;
  const predicate = schema.safeParse(statement?.predicate);
  if (statement === undefined || !predicate.success) throw broken(at, 'it is no entry of a transfer record');
  const { key, previous, ...facts } = predicate.data;
  let signer: PublicKey;
  try {
    signer = parsePublicKey(key);
  } catch (error) {
    throw broken(at, 'its key cannot be read', error);
  }
  if (!signer.verifies(preAuthentication(payload), signature))
    throw broken(at, 'it was changed after it was signed');
  if (!isDigest(previous)) throw broken(at, 'it is no entry of a transfer record');
  return { archive: statement.archive, entry: { ...facts, previous, signer } };
}

const broken = (entry: number, problem: string, cause?: unknown) =>
  new KnownError('RECORD_BROKEN', { entry, problem }, cause);
