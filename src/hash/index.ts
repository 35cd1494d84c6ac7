export {
  type ChunkTable,
  ChunkTableBuilder,
  checkPieceSize,
  chunkTableDigest,
  defaultPieceSize,
  parseChunkTable,
  pieceCount,
  pieceDigest,
} from './chunk-table.ts';
export { eachBounded } from './each-bounded.ts';
export {
  type Activity,
  HashPool,
  type HashPoolOptions,
  type SecondReading,
  type WholeDigest,
} from './hash-pool.ts';
export { VerifyingStream, type VerifyingStreamOptions } from './verifying-stream.ts';
export type { Extent } from './zero-extents.ts';
