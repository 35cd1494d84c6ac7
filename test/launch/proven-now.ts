import { statSync } from 'node:fs';
import { identityOf } from '../../src/files/index.ts';
import type { ProvenStore } from '../../src/launch/index.ts';
import { BlobTable, OllamaStore, readBlobs } from '../../src/store/index.ts';

/** What a check would have proven: every blob as it lies there now. */
export async function provenNow(path: string): Promise<ProvenStore> {
  const table = new BlobTable();
  using store = OllamaStore.open(path, [], () => {});
  const ignore = () => {};
  await readBlobs(store, table, {
    ...{ report: ignore, onBlob: ignore, onObstacle: ignore, onPartial: ignore },
    ...{ now: new Date(), signal: new AbortController().signal, wanted: () => true },
  });
  const state = (of: OllamaStore, index: number) => {
    try {
      return identityOf(statSync(of.blobs?.reach(table.fileName(index)) ?? '', { bigint: true }));
    } catch {
      return undefined;
    }
  };
  const before = Array.from({ length: table.length }, (_, index) => state(store, index));
  return {
    table,
    provenState: (index: number) => before[index],
    stateNow: async (of, index) => state(of, index),
  };
}
