export { ageOf } from './age.ts';
export { type BlobName, blobFileName, classifyBlobName } from './blob-names.ts';
export { type BlobIndex, BlobTable } from './blob-table.ts';
export { LinkPolicy, type LinkTarget } from './links.ts';
export { type LocatedStore, locateStore, type StoreEnvironment, usualPlaces } from './locate.ts';
export { OllamaStore, type Report } from './ollama-store.ts';
export { openBlob } from './open-blob.ts';
export { type BlobObstacle, type BlobVisitor, readBlobs } from './read-blobs.ts';
export { type ManifestFile, readManifests } from './read-manifests.ts';
