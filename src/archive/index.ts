export {
  type ArchiveEntry,
  type ArchiveIndex,
  type ArchiveModel,
  sha256,
  writeIndex,
} from './archive-index.ts';
export { ArchiveReader, archiveSize } from './archive-reader.ts';
export { type ByteSource, FileSource, PipeSource } from './byte-source.ts';
export {
  blobName,
  type EntryKind,
  entryKind,
  indexName,
  isTool,
  kindOrder,
  modeOf,
  tableName,
  toolName,
} from './entry-names.ts';
export { type GatherEffects, gather, type IncompleteArchive, type WholeArchive } from './gather.ts';
export { Incoming, readVolume } from './incoming.ts';
export { layoutFiles } from './layout-files.ts';
export type { MediumFile, VolumeFile } from './medium-file.ts';
export { type FoundFiles, findArchives } from './open-archive.ts';
export { OutputFile } from './output-file.ts';
export type { ArchivePlan, PlannedEntry } from './planned-entry.ts';
export { shownNumbers } from './shown-numbers.ts';
export { endOfTar, entrySize } from './tar-framing.ts';
export { cutIntoVolumes, payloadStart, type VolumeHeader, volumeFileSize } from './volume.ts';
export { type ArchiveSink, VolumeFiles, WholeFile, type WrittenVolume } from './volume-files.ts';
export { type WriteEffects, writeArchive } from './write-archive.ts';
