import { closeSync } from 'node:fs';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import type { HashPool, SecondReading } from '../hash/index.ts';
import { type Digest, emptyDigest } from '../oci/index.ts';
import { type BlobIndex, type BlobTable, type OllamaStore, openBlob } from '../store/index.ts';
import type { Reference } from './model-records.ts';

/** What one blob turned out to be. Three comparisons stand apart: the file name, the manifest's size, the bytes. */
export type Verdict =
  | { readonly kind: 'intact'; readonly bytes: number }
  /** No manifest agrees with the size of the file; it was not hashed. */
  | { readonly kind: 'wrong-size'; readonly bytes: number; readonly expected: number }
  | {
      readonly kind: 'altered';
      readonly bytes: number;
      readonly actual: Digest;
      readonly again: SecondReading;
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
): Promise<Verdict> {
  const refuted = judgeSize(table, index, reference);
  if (refuted !== undefined) return refuted;
  let fd: number | undefined;
  try {
    fd = openBlob(store, table, index);
    return await judgeBytes(fd, `${index}`, table.digest(index), table.size(index), pool);
  } catch (error) {
    return judgeError(error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The size that manifests expect, when none of them agrees with the file. */
export function judgeSize(
  table: BlobTable,
  index: BlobIndex,
  reference: Reference | undefined,
): Verdict | undefined {
  const bytes = table.size(index);
  const sizes = (reference?.uses ?? []).flatMap((use) => (use.size === undefined ? [] : [use.size]));
  const expected = sizes[0];
  if (expected === undefined || sizes.includes(bytes)) return undefined;
  // An empty file under the digest of nothing is right, whatever a manifest says: hash it and blame the manifest.
  if (bytes === 0 && table.digest(index) === emptyDigest) return undefined;
  return { kind: 'wrong-size', bytes, expected };
}

async function judgeBytes(
  fd: number,
  label: string,
  expected: Digest,
  size: number,
  pool: HashPool,
): Promise<Verdict> {
  const first = await pool.digest(fd, label);
  if (first.size !== size) return { kind: 'changed', problem: `it had ${size} bytes, then ${first.size}` };
  if (first.digest === expected) return { kind: 'intact', bytes: first.size };
  const again = await pool.again(fd, label);
  if (again.digest !== first.digest)
    return { kind: 'unstable', bytes: first.size, first: first.digest, again };
  return { kind: 'altered', bytes: first.size, actual: first.digest, again };
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
  if (error.code === 'FILE_UNREADABLE') return { kind: 'unreadable', problem: String(error.facts.problem) };
  throw error;
}
