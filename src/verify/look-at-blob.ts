import { type BigIntStats, closeSync, fstatSync, lstatSync } from 'node:fs';
import { flushByHandle } from '../files/index.ts';
import { type BlobIndex, type BlobTable, type OllamaStore, openBlob } from '../store/index.ts';

/**
 * What the file of a blob is now, without reading it. Undefined for a link, and for what cannot be looked at: such a
 * blob is hashed, and what is wrong with it is found then.
 *
 * @param flush called with the open file first, where a write through a mapping shows only once it is flushed
 */
export function lookAtBlob<T>(
  store: OllamaStore,
  table: BlobTable,
  index: BlobIndex,
  flush: ((fd: number) => unknown) | undefined,
  take: (stat: BigIntStats) => T,
): T | undefined {
  if (store.blobs === undefined || table.isLink(index) || table.isColon(index)) return undefined;
  try {
    if (flush === undefined) {
      const stat = lstatSync(store.blobs.reach(table.fileName(index)), { bigint: true });
      return stat.isFile() ? take(stat) : undefined;
    }
    const fd = openBlob(store, table, index);
    try {
      flush(fd);
      return take(fstatSync(fd, { bigint: true }));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** Flushes a blob where `lookAtBlob` may not, since fsync by number is denied. False where it could not be flushed. */
export async function flushBlob(store: OllamaStore, table: BlobTable, index: BlobIndex): Promise<boolean> {
  if (table.isLink(index) || table.isColon(index)) return false;
  let fd: number | undefined;
  try {
    fd = openBlob(store, table, index);
    await flushByHandle(fd);
    return true;
  } catch {
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
