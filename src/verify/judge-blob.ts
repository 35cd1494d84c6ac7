import { closeSync, fstatSync } from 'node:fs';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import { assertSame, type FileIdentity, identityOf } from '../files/index.ts';
import { type ChunkTable, type HashPool, pieceDigest, type SecondReading } from '../hash/index.ts';
import { type Digest, emptyDigest } from '../oci/index.ts';
import { type BlobIndex, type BlobTable, type OllamaStore, openBlob } from '../store/index.ts';
import type { BlobTables } from './blob-tables.ts';
import type { Reference } from './model-records.ts';

/** The pieces of a blob that are not what its chunk table says. */
export interface DamagedPieces {
  readonly size: number;
  /** From 0, in order, 1,000 at most. */
  readonly numbers: readonly number[];
}

/** What one blob turned out to be. Three comparisons stand apart: the file name, the manifest's size, the bytes. */
export type Verdict =
  | {
      readonly kind: 'intact';
      readonly bytes: number;
      readonly by: 'whole' | 'pieces';
      /** The state in which the bytes were read. */
      readonly identity: FileIdentity;
    }
  /** The bytes have the digest, and not the pieces that the list's chunk table gives. */
  | { readonly kind: 'table-wrong'; readonly bytes: number; readonly pieces: readonly number[] }
  /** No manifest agrees with the size of the file; it was not hashed. */
  | { readonly kind: 'wrong-size'; readonly bytes: number; readonly expected: number }
  /** Nothing is in it, and its digest is not that of nothing; `expected` is what a manifest says, in bytes. */
  | { readonly kind: 'empty'; readonly bytes: 0; readonly expected: number | undefined }
  | {
      readonly kind: 'altered';
      readonly bytes: number;
      readonly actual: Digest;
      readonly again: SecondReading;
      readonly pieces?: DamagedPieces;
    }
  | {
      readonly kind: 'unstable';
      readonly bytes: number;
      readonly first: Digest;
      readonly again: SecondReading;
    }
  | { readonly kind: 'changed'; readonly problem: string }
  | { readonly kind: 'unreadable'; readonly problem: string }
  | { readonly kind: 'cancelled' };

/** Reads one blob and judges it: size first, then bytes; a mismatch is read a second time. Never throws for what the disk does. */
export async function judgeBlob(
  store: OllamaStore,
  table: BlobTable,
  index: BlobIndex,
  reference: Reference | undefined,
  pool: HashPool,
  tables: BlobTables,
): Promise<Verdict> {
  const refuted = judgeSize(table, index, reference);
  if (refuted !== undefined) return refuted;
  let fd: number | undefined;
  try {
    fd = openBlob(store, table, index);
    const blob = { fd, label: `${index}`, expected: table.digest(index), size: table.size(index) };
    return await judgeBytes(blob, pool, tables);
  } catch (error) {
    return judgeError(error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** One for all: a store may hold a million of them. */
const emptyStray = { kind: 'empty', bytes: 0, expected: undefined } as const;

/** What the size alone refutes: no manifest agrees with it, or there is nothing that could have the digest. */
export function judgeSize(
  table: BlobTable,
  index: BlobIndex,
  reference: Reference | undefined,
): (Verdict & { kind: 'wrong-size' | 'empty' }) | undefined {
  const bytes = table.size(index);
  const sizes = (reference?.uses ?? []).flatMap((use) => (use.size === undefined ? [] : [use.size]));
  const expected = sizes[0];
  if (bytes === 0) {
    // An empty file under the digest of nothing is right, whatever a manifest says: hash it and blame the manifest.
    if (table.digest(index) === emptyDigest) return undefined;
    return expected === undefined ? emptyStray : { kind: 'empty', bytes, expected };
  }
  if (expected === undefined || sizes.includes(bytes)) return undefined;
  return { kind: 'wrong-size', bytes, expected };
}

interface OpenBlob {
  readonly fd: number;
  readonly label: string;
  readonly expected: Digest;
  readonly size: number;
}

async function judgeBytes(blob: OpenBlob, pool: HashPool, tables: BlobTables): Promise<Verdict> {
  const { fd, label, expected, size } = blob;
  const before = identityOf(fstatSync(fd, { bigint: true }));
  const table = tables.tableOf(expected);
  const wrong = table === undefined || tables.whole ? [] : await pool.verifyPieces(fd, label, table);
  if (table !== undefined && !tables.whole && wrong.length === 0)
    return { kind: 'intact', bytes: size, by: 'pieces', identity: before };
  const pieceSize = tables.whole ? table?.pieceSize : tables.wantedPieces(size);
  const first = await pool.digest(fd, label, pieceSize);
  if (first.size !== size) return { kind: 'changed', problem: `it had ${size} bytes, then ${first.size}` };
  if (first.digest === expected) {
    const differing = table === undefined ? [] : tables.whole ? differingPieces(table, first.table) : wrong;
    if (differing.length > 0) return { kind: 'table-wrong', bytes: size, pieces: differing };
    if (first.table !== undefined) tables.put(expected, first.table);
    return { kind: 'intact', bytes: size, by: 'whole', identity: before };
  }
  const again = await pool.again(fd, label);
  // Each reading saw one state of the file; two states are no sign of failing hardware.
  assertSame(fd, before, 'between two readings');
  if (again.digest !== first.digest)
    return { kind: 'unstable', bytes: first.size, first: first.digest, again };
  const pieces =
    table === undefined || wrong.length === 0 ? {} : { pieces: { size: table.pieceSize, numbers: wrong } };
  return { kind: 'altered', bytes: first.size, actual: first.digest, again, ...pieces };
}

function differingPieces(listed: ChunkTable, made: ChunkTable | undefined): number[] {
  const numbers = Array.from({ length: listed.count }, (_, piece) => piece);
  if (made === undefined) return [];
  return numbers.filter(
    (piece) => Buffer.compare(pieceDigest(listed, piece), pieceDigest(made, piece)) !== 0,
  );
}

function judgeError(error: unknown): Verdict {
  if (!(error instanceof KnownError)) {
    const gone = systemCode(error) === 'ENOENT';
    return {
      kind: 'unreadable',
      problem: gone ? 'it vanished while the store was read' : describeCause(error),
    };
  }
  if (error.code === 'CANCELLED') return { kind: 'cancelled' };
  if (error.code === 'FILE_CHANGED') return { kind: 'changed', problem: String(error.facts.problem) };
  if (error.code === 'STREAM_TOO_SHORT' || error.code === 'STREAM_TRAILING') {
    return { kind: 'changed', problem: error.message };
  }
  if (error.code === 'FILE_UNREADABLE') return { kind: 'unreadable', problem: String(error.facts.problem) };
  throw error;
}
