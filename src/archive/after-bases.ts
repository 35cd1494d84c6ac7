import type { Digest } from '../oci/index.ts';
import { ArchiveReader } from './archive-reader.ts';
import { FileSource } from './byte-source.ts';
import type { MediumFile } from './medium-file.ts';

/**
 * The same archives, each after the one whose blobs it leaves out (`since`), however their names sort. What cannot be
 * read stays where it is: whoever takes it is told why.
 */
export async function afterBases(archives: readonly MediumFile[]): Promise<readonly MediumFile[]> {
  if (archives.length < 2) return archives;
  const known = new Map<Digest, MediumFile>();
  const bases = new Map<MediumFile, Digest>();
  for (const file of archives) {
    const source = new FileSource([{ ...file, start: 0, length: file.size }]);
    const reader = await ArchiveReader.open(source).catch(() => undefined);
    if (reader === undefined) continue;
    known.set(reader.id, file);
    if (reader.index.since !== undefined) bases.set(file, reader.index.since);
  }
  const baseOf = (file: MediumFile): MediumFile | undefined => {
    const id = bases.get(file);
    return id === undefined ? undefined : known.get(id);
  };
  const ordered = new Set<MediumFile>();
  for (const file of archives) {
    const chain = [file];
    for (let base = baseOf(file); base !== undefined && !ordered.has(base); base = baseOf(base))
      chain.push(base);
    for (const next of chain.reverse()) ordered.add(next);
  }
  return [...ordered];
}
