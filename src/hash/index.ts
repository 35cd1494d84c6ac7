export {
  type ChunkTable,
  ChunkTableBuilder,
  checkPieceSize,
  defaultPieceSize,
  parseChunkTable,
  pieceCount,
  pieceDigest,
} from './chunk-table.ts';
export { chunkTableDigest } from './chunk-table-digest.ts';
export { eachBounded } from './each-bounded.ts';
export { HashPool, type HashPoolOptions, type SecondReading, type WholeDigest } from './hash-pool.ts';
export type { Activity } from './hash-thread.ts';
export { RunningDigest, type RunningDigestOptions } from './running-digest.ts';
export { type PieceDigests, pieceDigests } from './small-digest.ts';
export { VerifyingStream, type VerifyingStreamOptions } from './verifying-stream.ts';
export type { Extent } from './zero-extents.ts';
