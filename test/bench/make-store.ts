import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type ChunkTable, ChunkTableBuilder } from '../../src/hash/index.ts';
import { blobPath, sampleConfig, sha256, writeBlob, writeManifest } from '../fixtures/sample-store.ts';

const blockSize = 8 * 1024 * 1024;

/** What no file system compresses or shares: random bytes, each block with a number of its own. */
const block = randomBytes(blockSize);
let blocksWritten = 0;

/** Writes a file of `size` bytes, out to the disk, and hands every part to `take` on the way. */
function writeBytes(path: string, size: number, take: (part: Uint8Array) => void): void {
  const fd = openSync(path, 'w');
  for (let at = 0; at < size; at += blockSize) {
    block.writeUInt32LE(blocksWritten, 0);
    blocksWritten += 1;
    const part = block.subarray(0, Math.min(blockSize, size - at));
    for (let done = 0; done < part.length; ) done += writeSync(fd, part, done);
    take(part);
  }
  // A file with dirty pages would be flushed by whoever checks it first.
  fsyncSync(fd);
  closeSync(fd);
}

/** A store with `count` models of one big blob each, `size` bytes a blob. Gives the paths of the big blobs. */
export function makeBigStore(store: string, count: number, size: number): string[] {
  const config = sampleConfig();
  writeBlob(store, config);
  return Array.from({ length: count }, (_, number) => {
    const hash = createHash('sha256');
    const unnamed = join(store, 'blobs', 'unnamed');
    writeBytes(unnamed, size, (part) => hash.update(part));
    const digest = `sha256:${hash.digest('hex')}`;
    const path = blobPath(store, digest);
    renameSync(unnamed, path);
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      config: {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        digest: sha256(config),
        size: config.length,
      },
      layers: [{ mediaType: 'application/vnd.ollama.image.model', digest, size }],
    });
    writeManifest(store, `registry.ollama.ai/library/big:${number + 1}`, manifest);
    return path;
  });
}

/** One file and its chunk table. */
export function makeBigBlob(folder: string, size: number): { path: string; table: ChunkTable } {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'blob');
  const builder = new ChunkTableBuilder();
  writeBytes(path, size, (part) => builder.update(part));
  return { path, table: builder.finish() };
}

/** Reads files once, so that they lie in the page cache. */
export function warm(paths: readonly string[]): void {
  const buffer = Buffer.alloc(1024 * 1024);
  for (const path of paths) {
    const fd = openSync(path, 'r');
    while (readSync(fd, buffer) > 0);
    closeSync(fd);
  }
}
