export { cleanUpLooks, mayBeTaken } from './clean-up.ts';
export { type BlobState, inspectBlob } from './inspect-blob.ts';
export { installBlob, installManifest, touchBlob } from './install.ts';
export { downloadEnded, type WaitEffects } from './partial-downloads.ts';
export { prepareStore } from './prepare-store.ts';
export { type Owner, ownerToBecome } from './store-owner.ts';
export { WorkPlace } from './work-place.ts';
