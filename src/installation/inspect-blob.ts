import { closeSync, fstatSync } from 'node:fs';
import { describeCause, KnownError, systemCode } from '../errors/index.ts';
import { type Directory, type FileIdentity, identityOf } from '../files/index.ts';
import { type ChunkTable, type HashPool, pieceCount } from '../hash/index.ts';
import type { Digest } from '../oci/index.ts';
import { blobFileName } from '../store/index.ts';
import type { Range } from '../upstream/index.ts';

/** How one blob of a store is. */
export type BlobState =
  | {
      readonly kind: 'sound';
      /** The file that was read, which may have another name by now. */
      readonly file: FileIdentity;
    }
  | { readonly kind: 'missing' }
  | {
      readonly kind: 'altered';
      readonly found: Digest | undefined;
      readonly bytes: number;
      /** Pieces that are right, where a chunk table says so. */
      readonly isSound: ((range: Range) => boolean) | undefined;
      readonly pieces: { readonly wrong: number; readonly of: number } | undefined;
    }
  /** It cannot be read or replaced: a link, a directory, an I/O error. */
  | { readonly kind: 'obstacle'; readonly problem: string };

/** Reads one blob of a store and holds it against its name, and, where it is another one, against its pieces. */
export async function inspectBlob(
  blobs: Directory,
  { digest, size }: { readonly digest: Digest; readonly size: number },
  table: ChunkTable | undefined,
  pool: HashPool,
): Promise<BlobState> {
  const name = blobFileName(digest);
  try {
    const stat = blobs.lstat(name);
    if (stat.isSymbolicLink()) return obstacle('it is a link, and a repair writes behind none');
    if (!stat.isFile()) return obstacle('it is not a regular file');
    const fd = blobs.openFile(name);
    try {
      const whole = await pool.digest(fd, digest);
      const file = identityOf(fstatSync(fd, { bigint: true }));
      if (whole.digest === digest && whole.size === size) return { kind: 'sound', file };
      const altered = { kind: 'altered', found: whole.digest, bytes: whole.size } as const;
      if (table === undefined || whole.size !== table.size)
        return { ...altered, isSound: undefined, pieces: undefined };
      return { ...altered, ...(await soundPieces(fd, digest, table, pool)) };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { kind: 'missing' };
    if (error instanceof KnownError && error.code === 'CANCELLED') throw error;
    return obstacle(describeCause(error));
  }
}

const obstacle = (problem: string): BlobState => ({ kind: 'obstacle', problem });

/** Wrong pieces that are told one by one; behind the last of them nothing is taken for right. */
const told = 1000;

async function soundPieces(fd: number, digest: Digest, table: ChunkTable, pool: HashPool) {
  const wrong = await pool.verifyPieces(fd, digest, table);
  const of = pieceCount(table.size, table.pieceSize);
  const limit = wrong.length < told ? of : (wrong.at(-1) ?? 0);
  const bad = new Set(wrong);
  const isSound = ({ start, end }: Range) => {
    for (let piece = Math.floor(start / table.pieceSize); piece * table.pieceSize < end; piece += 1)
      if (piece >= limit || bad.has(piece)) return false;
    return true;
  };
  return { isSound, pieces: { wrong: wrong.length + (of - limit), of } };
}
