import { createHash } from 'node:crypto';
import { type Digest, digestFromBytes } from '../oci/index.ts';
import type { ChunkTable } from './chunk-table.ts';

/**
 * The table's own name: the SHA-256 of its bytes. It stands apart from the table so that the hashing threads, which
 * make tables but do not name them, load nothing of `src/oci`.
 */
export const chunkTableDigest = (table: ChunkTable): Digest =>
  digestFromBytes(createHash('sha256').update(table.bytes).digest());
