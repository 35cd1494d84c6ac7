export { archiveFacts } from './archive-facts.ts';
export { type Base, baseOfArchive, baseOfList } from './base.ts';
export { type ChosenList, chooseList, type OwnList } from './choose-list.ts';
export { type DescribedArchiveModel, describeModels, readTexts } from './describe-archive.ts';
export {
  type AddedFile,
  type ExportPlan,
  type ExportRequest,
  planExport,
  type TravellingList,
  type TravellingModel,
} from './export-plan.ts';
export {
  type ImportedModel,
  type ImportOutcome,
  type ImportRequest,
  importArchive,
  type KeptFiles,
} from './import-archive.ts';
export { type InstallOutcome, type InstallRequest, installArchive } from './install-archive.ts';
export { type JudgeRules, judgeModels, type RefusedModel, type WelcomeModel } from './judge-models.ts';
export { offeredBy } from './offered-archive.ts';
export { whyUnstorable } from './storable-name.ts';
export type { InstallEffects, InstalledModel } from './store-target.ts';
export { type BlobTarget, planTaking, type TakeEffects, type TakePlan } from './take-blobs.ts';
