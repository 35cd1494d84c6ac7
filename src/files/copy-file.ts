import { createHash } from 'node:crypto';
import { closeSync, fchmodSync, openSync, readSync, writeSync } from 'node:fs';
import { placeWith } from './replace-file.ts';

/** Bytes in one read: a program of 130 MB is copied within the memory of a small container. */
const pieceSize = 1024 * 1024;

export interface CopiedFile {
  readonly bytes: number;
  /** SHA-256, 32 raw bytes. */
  readonly sha256: Uint8Array;
}

/**
 * Puts a copy of a file in the place of `target`, whole, by the steps of `replaceFile`, with exactly this mode; a link
 * that lies there is not followed. It takes its place only after it was read back and is what was read.
 *
 * @throws system errors (EACCES, ENOSPC, EROFS); an Error when the copy differs
 */
export function copyFile(source: string, target: string, mode: number): CopiedFile {
  const from = openSync(source, 'r');
  try {
    let copied: CopiedFile | undefined;
    placeWith(target, mode, (fd) => {
      const read = eachPiece(from, (piece) => writeWhole(fd, piece));
      copied = eachPiece(fd, () => {});
      if (!read.sha256.equals(copied.sha256)) throw new Error('the copy is not what was copied');
      // Whatever the umask: another user runs it.
      fchmodSync(fd, mode);
    });
    if (copied === undefined) throw new Error('nothing was copied');
    return copied;
  } finally {
    closeSync(from);
  }
}

function eachPiece(fd: number, take: (piece: Uint8Array) => void): { bytes: number; sha256: Buffer } {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(pieceSize);
  let bytes = 0;
  for (;;) {
    const got = readSync(fd, buffer, 0, buffer.length, bytes);
    if (got === 0) return { bytes, sha256: hash.digest() };
    const piece = buffer.subarray(0, got);
    hash.update(piece);
    take(piece);
    bytes += got;
  }
}

function writeWhole(fd: number, piece: Uint8Array): void {
  for (let written = 0; written < piece.length; ) written += writeSync(fd, piece, written);
}
