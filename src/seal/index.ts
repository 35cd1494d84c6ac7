export { canReplaceIn, canWrite, type Owned } from './forgeable.ts';
export { type KeptProof, readSeal, type Seal, type SealFacts, sealFileName } from './seal.ts';
export { encodeSeal, type FilesToSeal, type SealedFile, type SealHeader } from './seal-file.ts';
export { openSealKey } from './seal-key.ts';
export {
  keyTravelsWith,
  type MachineVolumes,
  machineVolumes,
  type Volume,
  volumeOf,
  writesShow,
} from './volume.ts';
