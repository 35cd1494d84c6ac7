export type { RenewalRequest } from './judge-offer.ts';
export type { OfferedFiles } from './offered-files.ts';
export { offeredManifest } from './offered-manifests.ts';
export { type PreparedRenewal, prepareRenewal, type Renewal, renewList } from './renew-list.ts';
export type { CompanionCount } from './take-companions.ts';
