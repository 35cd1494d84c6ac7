import type { AllowList, ListedDescriptor } from '../allow-list/index.ts';
import { type Digest, layerKind, parseModelName, shortName } from '../oci/index.ts';

/** A listed blob that has a chunk table. */
export interface TabledBlob {
  readonly entry: ListedDescriptor;
  /** What it is, in the first model that names it: `the weights of llama3.2:1b`. */
  readonly layer: string;
}

/** The blobs of a list that have a chunk table, each once. */
export function tabledBlobs(list: AllowList): TabledBlob[] {
  const blobs = new Map<Digest, TabledBlob>();
  for (const [name, { config, layers }] of list.models) {
    for (const entry of [config, ...layers]) {
      if (entry.chunks === undefined || blobs.has(entry.digest)) continue;
      const kind = entry === config ? 'config' : layerKind(entry.mediaType);
      blobs.set(entry.digest, { entry, layer: `the ${kind} of ${shortName(parseModelName(name))}` });
    }
  }
  return [...blobs.values()];
}
