export { type CopiedFile, copyFile } from './copy-file.ts';
export { Directory, openResolvedFile } from './directory.ts';
export { flushByHandle, fsyncIsDenied, makeDurable, writeFlags } from './durable.ts';
export type { LastLink } from './go-down.ts';
export { homeDirectory } from './home-directory.ts';
export {
  assertSame,
  difference,
  type FileIdentity,
  identityOf,
  settle,
  type WhenDenied,
} from './identity.ts';
export { openToWrite } from './open-to-write.ts';
export { makeFolders, Place } from './place.ts';
export { type RawName, rawToBytes, rawToText, textToRaw } from './raw-name.ts';
export { type ReadFor, readSmall } from './read-small.ts';
export { placeWith, removeFile, replaceFile } from './replace-file.ts';
export { type SharedFile, SharedFiles } from './shared-files.ts';
export {
  makeTrustedFolder,
  type Swappable,
  type Trusted,
  trustedBy,
  whoCanSwap,
  whoCanWrite,
} from './swappable.ts';
export { syncDirectory, syncOpened } from './sync-directory.ts';
