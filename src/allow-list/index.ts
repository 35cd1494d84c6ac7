export {
  type AllowList,
  allowListSchema,
  type ListedDescriptor,
  type ListedModel,
  listSizeLimit,
  resolveAlias,
  type TableReference,
} from './allow-list.ts';
export { changeList, emptyList, type ListChanges, type VerifiedModel } from './build-list.ts';
export { Companions } from './companions.ts';
export {
  changedLayers,
  compareLists,
  type LayerChange,
  type ListDifference,
  type Restatement,
  restatements,
} from './compare-lists.ts';
export {
  type Compared,
  type Contradiction,
  compareWithManifests,
  contradictionClause,
  differenceFrom,
  type ManifestAtHand,
  manifestAtHand,
} from './contradiction.ts';
export { type Decision, decide, type StoredModel } from './decide.ts';
export { ListIndex } from './list-index.ts';
export { NearNames, nearNamesLimit, type SearchLimits, thoroughLimits } from './near-names.ts';
export { parseAllowList } from './parse-list.ts';
export { writeAllowList } from './write-list.ts';
