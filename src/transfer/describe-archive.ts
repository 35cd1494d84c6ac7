import { type CheckedManifest, checkManifest } from '../admission/index.ts';
import { type ArchiveModel, type ArchiveReader, blobName } from '../archive/index.ts';
import { KnownError } from '../errors/index.ts';
import type { Digest, ModelName } from '../oci/index.ts';

/** Largest layer that is read as a text. */
const textLimit = 1024 * 1024;

/** A model of an archive, as its manifest says; undefined where that is refused. */
export interface DescribedArchiveModel {
  readonly name: ModelName;
  readonly digest: Digest;
  readonly checked: CheckedManifest | undefined;
}

export const describeModels = (
  models: readonly ArchiveModel[],
  files: ReadonlyMap<string, Buffer>,
): readonly DescribedArchiveModel[] =>
  models.map(({ name, digest }) => {
    const bytes = files.get(blobName(digest)) ?? Buffer.alloc(0);
    try {
      return { name, digest, checked: checkManifest(name, bytes) };
    } catch (error) {
      if (error instanceof KnownError) return { name, digest, checked: undefined };
      throw error;
    }
  });

/**
 * Reads an archive to its end: everything, held against the index, or only what is wanted of it.
 *
 * @param wanted blobs whose bytes are returned, where they are small enough for a text
 * @param whole hold every byte against its digest, not only what is wanted
 * @throws KnownError ARCHIVE_*
 */
export async function readTexts(
  reader: ArchiveReader,
  wanted: ReadonlySet<Digest>,
  whole: boolean,
  { signal, progressed }: { readonly signal: AbortSignal; readonly progressed: (bytes: number) => void },
): Promise<ReadonlyMap<Digest, Buffer>> {
  const texts = new Map<Digest, Buffer>();
  let done = 0;
  for (let entry = reader.next; entry !== undefined; entry = reader.next) {
    signal.throwIfAborted();
    const { digest, size } = entry;
    const isWanted = wanted.has(digest) && size <= textLimit;
    const parts: Buffer[] = [];
    if (isWanted || whole)
      await reader.look(async (part) => {
        signal.throwIfAborted();
        if (isWanted) parts.push(Buffer.from(part));
        done += part.length;
        progressed(done);
      });
    else await reader.pass();
    if (isWanted) texts.set(digest, Buffer.concat(parts));
  }
  await reader.end();
  return texts;
}
