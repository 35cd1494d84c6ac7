export type { ReadAt } from './bounded-reader.ts';
export { compareGgufMetadata, type GgufChange } from './compare-metadata.ts';
export {
  type GgufLimits,
  type GgufMetadata,
  type GgufReading,
  ggufLimits,
  readGgufMetadata,
} from './read-metadata.ts';
export type { GgufArray, GgufLongText, GgufScalar, GgufType, GgufValue } from './values.ts';
