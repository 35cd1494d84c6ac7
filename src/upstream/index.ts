export type { BlobSource, PieceSource, Range } from './blob-source.ts';
export { parseOllamaKey } from './ollama-key.ts';
export {
  type OllamaIdentity,
  redirectHostsOf,
  type UpstreamLimits,
  type UpstreamSettings,
  usualLimits,
} from './settings.ts';
export { Upstream } from './upstream.ts';
