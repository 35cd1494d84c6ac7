import { type ArchiveReader, archiveSize } from '../archive/index.ts';
import type { ArchiveFacts } from '../custody/index.ts';

/** What an archive says of itself, as both ends of a transfer sign it. */
export const archiveFacts = (reader: Pick<ArchiveReader, 'index' | 'indexBytes'>): ArchiveFacts => ({
  models: reader.index.models.length,
  bytes: archiveSize(reader),
  list: reader.index.list?.digest,
});
