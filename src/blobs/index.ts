export { BlobDirectory, type DirectoryEffects } from './blob-directory.ts';
export type { SpaceLimits } from './free-space.ts';
export { type LockEffects, ReceiveLock } from './receive-lock.ts';
export type { BlobStorage, OpenBlob, Range, ReceivingBlob, StoredBlob } from './storage.ts';
