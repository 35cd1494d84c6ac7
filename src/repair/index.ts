export { setOrphansAside } from './orphans.ts';
export { type MendedFile, ModelRepair, type RepairEffects } from './repair-model.ts';
export { type Owner, ownerToBecome } from './store-owner.ts';
export { WorkPlace } from './work-place.ts';
