import type { BlobIndex, BlobTable } from '../store/index.ts';
import type { Cursor } from './cursor.ts';
import type { Inventory } from './inventory.ts';
import { sortInPlace } from './sort-in-place.ts';

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
  const all = inOrder(table);
  const chosen = limits.quick || limits.subset !== undefined ? all.filter(isChosen(table, limits)) : all;
  const done = from === undefined ? 0 : countUpTo(table, chosen, from);
  // Where nothing is left behind the cursor (blobs went away), a new pass begins.
  const order = chosen.subarray(done === chosen.length ? 0 : done);
  return { order, all, bytes: sum(table, all), bytesToHash: sum(table, order) };
}

/** The same plan without the blobs that are marked: their bytes were proven before. */
export function withoutSealed(plan: Plan, table: BlobTable, sealed: Uint8Array): Plan {
  const order = plan.order.filter((index) => sealed[index] !== 1);
  return { ...plan, order, bytesToHash: sum(table, order) };
}

function inOrder(table: BlobTable): Uint32Array {
  const all = new Uint32Array(table.length);
  for (let index = 0; index < all.length; index += 1) all[index] = index;
  return sortInPlace(all, (a, b) => table.compare(a, b));
}

const isChosen =
  (table: BlobTable, limits: Limits) =>
  (index: BlobIndex): boolean => {
    if (limits.quick && table.size(index) > quickLimit) return false;
    return limits.subset === undefined || table.part(index, limits.subset.of) === limits.subset.part - 1;
  };

/** Blobs up to the cursor, which an earlier run has hashed: they come first in the order. */
function countUpTo(table: BlobTable, order: Uint32Array, from: Cursor): number {
  const next = order.findIndex((index) => !isUpTo(table, index, from));
  return next === -1 ? order.length : next;
}

function isUpTo(table: BlobTable, index: BlobIndex, from: Cursor): boolean {
  const size = table.size(index);
  if (size !== from.size) return size > from.size;
  const digest = table.digest(index);
  return digest === from.digest ? from.colon || !table.isColon(index) : digest < from.digest;
}

const sum = (table: BlobTable, indices: Uint32Array): number =>
  indices.reduce((bytes, index) => bytes + table.size(index), 0);
