export { setOrphansAside } from './orphans.ts';
export { type MendedFile, ModelRepair, type RepairEffects } from './repair-model.ts';
