export type { BlobTables } from './blob-tables.ts';
export { check } from './check.ts';
export {
  assertAgrees,
  type CheckedManifests,
  checkManifests,
  readManifestsOf,
} from './check-manifests.ts';
export type { CheckEffects, CheckObserver, CheckRequest, HashingProgress } from './check-request.ts';
export { checkTables, type TableCheck } from './check-tables.ts';
export { settleList } from './contradictions.ts';
export {
  type DescribedLayer,
  type DescribedModel,
  describeChanges,
  type LayerContent,
  type LayerReader,
} from './describe-changes.ts';
export { HostMemory } from './host-memory.ts';
export { type HeldList, judgeAgain } from './judge-again.ts';
export { readKeyFile, readPublicKeyFile } from './key-file.ts';
export type { ListForCheck } from './list-for-check.ts';
export { type ListedModel, listModels, type ModelListing } from './list-models.ts';
export { type NamedBlobs, namedBlobs } from './named-blobs.ts';
export { nearest } from './nearest.ts';
export { type ListRequest, openList, policyNow, rulesOf } from './open-list.ts';
export type { HostFacts, SealingRequest } from './open-seals.ts';
export { RunningModels, type RunningRequest } from './running-models.ts';
export { Sealing } from './sealing.ts';
export { ComparedStore, type LayerReading, type StoredEntry } from './store-as-list.ts';
export { swappableFiles, swappableStore, type TrustFile } from './swappable-files.ts';
export { tabledBlobs } from './tabled-blobs.ts';
export { type ForList, verifyForList } from './verify-for-list.ts';
export { type RemoteModels, verifyRemote } from './verify-remote.ts';
export { whyUnread } from './why-unread.ts';
