import type { AllowList } from '../allow-list/index.ts';
import type { ArchiveIndex } from '../archive/index.ts';
import type { Digest } from '../oci/index.ts';

/** What the other side is taken to have, when only what it lacks is sent. */
export interface Base {
  /** Of the archive's index, or of the list. */
  readonly digest: Digest;
  has(blob: Digest): boolean;
}

/** An archive that the other side took: what it held, and what it left out because the other side had it before. */
export function baseOfArchive(id: Digest, { entries, leftOut }: ArchiveIndex): Base {
  const known = new Set([
    ...entries.filter(({ kind }) => kind === 'blob').map(({ digest }) => digest),
    ...leftOut.map(({ digest }) => digest),
  ]);
  return { digest: id, has: (blob) => known.has(blob) };
}

/** A list of which the other side has every model. */
export function baseOfList(digest: Digest, { models }: AllowList): Base {
  const known = new Set<Digest>();
  for (const { config, layers } of models.values())
    for (const entry of [config, ...layers]) known.add(entry.digest);
  return { digest, has: (blob) => known.has(blob) };
}
