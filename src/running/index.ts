export { type Get, type LoadedModel, loadedModels, ollamaUrl } from './loaded-models.ts';
export { type OpenBlob, type OpenBlobs, openBlobs } from './open-blobs.ts';
export { serverProcesses } from './server-processes.ts';
