export {
  type Digest,
  digestBytes,
  digestFromBytes,
  digestHex,
  emptyDigest,
  isDigest,
  parseDigest,
  shortDigest,
} from './digest.ts';
export { isListId } from './list-id.ts';
export {
  type Descriptor,
  type Manifest,
  type ManifestReading,
  manifestSizeLimit,
  parseManifest,
} from './manifest.ts';
export { type LayerKind, layerKind, manifestMediaTypes } from './media-types.ts';
export { type ConfigReading, configSizeLimit, type ModelConfig, parseModelConfig } from './model-config.ts';
export {
  defaultHost,
  defaultNamespace,
  fullName,
  illegalPart,
  type ModelName,
  nameFromPath,
  nameKey,
  normalName,
  parseModelName,
  shortName,
} from './model-name.ts';
export { foldKey, type JsonProblem, type JsonRules, readStrictJson, type StrictJson } from './strict-json.ts';
