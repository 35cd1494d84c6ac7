export type {
  ArchiveEntry,
  ArchiveIndex,
  ArchiveModel,
} from './archive-index.ts';
export { ArchiveReader, archiveSize } from './archive-reader.ts';
export { type Base, baseOfArchive, baseOfList } from './base.ts';
export { type ByteSource, FileSource, PipeSource } from './byte-source.ts';
export { type ChosenList, chooseList, type OwnList } from './choose-list.ts';
export { type DescribedArchiveModel, describeModels, readTexts } from './describe-archive.ts';
export { blobName, toolName } from './entry-names.ts';
export {
  type AddedFile,
  type ExportPlan,
  type ExportRequest,
  planExport,
  type TravellingList,
  type TravellingModel,
} from './export-plan.ts';
export { type GatherEffects, gather, type IncompleteArchive, type WholeArchive } from './gather.ts';
export {
  type ImportedModel,
  type ImportOutcome,
  type ImportRequest,
  importArchive,
  type KeptFiles,
} from './import-archive.ts';
export { Incoming, readVolume } from './incoming.ts';
export {
  type InstallEffects,
  type InstalledModel,
  type InstallOutcome,
  type InstallRequest,
  installArchive,
} from './install-archive.ts';
export { type JudgeRules, judgeModels, type RefusedModel, type WelcomeModel } from './judge-models.ts';
export { offeredBy } from './offered-archive.ts';
export { type FoundFiles, findArchives, type MediumFile, type VolumeFile } from './open-archive.ts';
export { OutputFile } from './output-file.ts';
export { whyUnstorable } from './storable-name.ts';
export { type BlobTarget, planTaking, type TakeEffects, type TakePlan, takeBlobs } from './take-blobs.ts';
export { cutIntoVolumes, payloadStart, type VolumeHeader, volumeFileSize } from './volume.ts';
export { type ArchiveSink, VolumeFiles, WholeFile, type WrittenVolume } from './volume-files.ts';
export { type WriteEffects, writeArchive } from './write-archive.ts';
