export { type CopiedFile, copyFile } from './copy-file.ts';
export { Directory, openResolvedFile } from './directory.ts';
export { flushByHandle, fsyncIsDenied, makeDurable, writeFlags } from './durable.ts';
export { homeDirectory } from './home-directory.ts';
export {
  assertSame,
  difference,
  type FileIdentity,
  identityOf,
  settle,
  type WhenDenied,
} from './identity.ts';
export { type RawName, rawToBytes, rawToText, textToRaw } from './raw-name.ts';
export { type ReadFor, readSmall } from './read-small.ts';
export { placeWith, replaceFile, syncDirectory } from './replace-file.ts';
export { type SharedFile, SharedFiles } from './shared-files.ts';
