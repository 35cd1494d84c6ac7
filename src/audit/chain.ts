import { createHash } from 'node:crypto';
import { type Digest, digestFromBytes } from '../oci/index.ts';
import type { AuditEvent } from './event.ts';

/** One record of the audit log. Each holds the hash of the one before: none can be changed, taken out or put in unseen. */
export interface AuditRecord {
  /** 1, 2, 3, ... */
  readonly seq: number;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly event: AuditEvent;
  /** Hash of the record before; of nothing for the first. */
  readonly previous: Digest;
  /** SHA-256 of the rest of the record. */
  readonly hash: Digest;
}

/** The end of a chain, to which the next record is tied. */
export type ChainEnd = Pick<AuditRecord, 'seq' | 'hash'>;

const sha256 = (text: string): Digest => digestFromBytes(createHash('sha256').update(text).digest());

/** What the first record is tied to. */
export const emptyChain: ChainEnd = { seq: 0, hash: sha256('') };

/** The bytes that are hashed: fields in a fixed order, keys of the event sorted. */
const textOf = ({ seq, time, event, previous }: Omit<AuditRecord, 'hash'>): string =>
  JSON.stringify([seq, time, sorted(event), previous]);

/** Of a record that was tampered with, the event may be anything at all. */
const sorted = (event: unknown): [string, unknown][] =>
  Object.entries(Object(event))
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));

/** The next record of a chain. */
export function nextRecord(end: ChainEnd, event: AuditEvent, now: Date): AuditRecord {
  const record = { seq: end.seq + 1, time: now.toISOString(), event, previous: end.hash };
  return { ...record, hash: sha256(textOf(record)) };
}

/** Where a chain is broken, and how. */
export interface ChainBreak {
  /** The first record that is not as it was written, or the one that is missing. */
  readonly seq: number;
  readonly problem: string;
}

/**
 * Follows a chain from one end to the other. Undefined when every record is as it was written; that its last records
 * are missing cannot be seen without an end that was kept elsewhere.
 */
export function verifyChain(
  records: Iterable<AuditRecord>,
  from: ChainEnd = emptyChain,
): ChainBreak | undefined {
  let end = from;
  for (const record of records) {
    const { seq } = record;
    if (seq !== end.seq + 1)
      return { seq: end.seq + 1, problem: `record ${end.seq + 1} is missing or in another place` };
    if (record.previous !== end.hash)
      return { seq, problem: `record ${seq} does not follow the one before: one of them was replaced` };
    if (record.hash !== sha256(textOf(record))) return { seq, problem: `record ${seq} was changed` };
    end = record;
  }
  return undefined;
}
