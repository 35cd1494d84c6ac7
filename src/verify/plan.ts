import type { BlobIndex, BlobTable } from '../store/index.ts';
import type { Cursor } from './cursor.ts';
import type { Inventory } from './inventory.ts';

export interface Limits {
  /** Hash the blobs whose digest modulo `of` is `part - 1`. */
  readonly subset?: { readonly part: number; readonly of: number } | undefined;
  /** Hash only blobs up to `quickLimit`. */
  readonly quick: boolean;
}

/** `--quick` hashes blobs up to this many bytes: 1 MiB. */
export const quickLimit = 1024 * 1024;

export interface Plan {
  /** Blobs to hash, biggest first (then by digest), from the cursor on. */
  readonly order: Uint32Array;
  /** Every blob of this check, in the same order. */
  readonly all: Uint32Array;
  /** Bytes of all blobs. */
  readonly bytes: number;
  /** Bytes to hash in this run. */
  readonly bytesToHash: number;
}

/**
 * Which blobs are hashed in which order. Biggest first keeps all threads busy to the end; the order depends on the
 * store alone, so that a run which was cut short can go on where it stopped.
 */
export function planHashing(inventory: Inventory, limits: Limits, from: Cursor | undefined): Plan {
  const { table } = inventory;
  const all = Uint32Array.from({ length: table.length }, (_, index) => index).sort((a, b) =>
    table.compare(a, b),
  );
  const order = all.filter((index) => chosen(table, index, limits) && !isBefore(table, index, from));
  return { order, all, bytes: sum(table, all), bytesToHash: sum(table, order) };
}

function chosen(table: BlobTable, index: BlobIndex, limits: Limits): boolean {
  if (limits.quick && table.size(index) > quickLimit) return false;
  return limits.subset === undefined || table.part(index, limits.subset.of) === limits.subset.part - 1;
}

/** Blobs up to the cursor were hashed by an earlier run. */
function isBefore(table: BlobTable, index: BlobIndex, from: Cursor | undefined): boolean {
  if (from === undefined) return false;
  const size = table.size(index);
  return size > from.size || (size === from.size && table.digest(index) <= from.digest);
}

const sum = (table: BlobTable, indices: Uint32Array): number =>
  indices.reduce((bytes, index) => bytes + table.size(index), 0);
