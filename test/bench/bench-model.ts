import { createHash, randomFillSync } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchModel } from './mirror-servers.ts';

/** A model of one big layer, whose bytes no file system compresses or shares. */
export function makeModel(folder: string, size: number): BenchModel {
  const blobFile = join(folder, 'blob');
  const hash = createHash('sha256');
  const fd = openSync(blobFile, 'w');
  const buffer = randomFillSync(Buffer.alloc(8 * 1024 * 1024));
  for (let done = 0, turn = 0; done < size; done += buffer.length, turn += 1) {
    buffer.writeUInt32LE(turn);
    const part = buffer.subarray(0, Math.min(buffer.length, size - done));
    hash.update(part);
    writeSync(fd, part);
  }
  closeSync(fd);
  const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const blob = `sha256:${hash.digest('hex')}`;
  const config = Buffer.from('{"model_format":"gguf"}');
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      config: {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        digest: digestOf(config),
        size: config.length,
      },
      layers: [{ mediaType: 'application/vnd.ollama.image.model', digest: blob, size }],
    }),
  );
  return {
    blobFile,
    blob,
    size,
    config,
    configDigest: digestOf(config),
    manifest,
    manifestDigest: digestOf(manifest),
  };
}
