import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { readSmall } from '../files/index.ts';
import {
  type ConfigReading,
  configSizeLimit,
  type Digest,
  digestFromBytes,
  parseModelConfig,
} from '../oci/index.ts';
import { type BlobIndex, type BlobTable, type OllamaStore, openBlob } from '../store/index.ts';

const refused = (detail: string): ConfigReading => ({ ok: false, problems: [{ kind: 'ambiguous', detail }] });

/**
 * Reads a config blob for its content. The bytes that are parsed are the bytes whose digest is compared, so nothing
 * is taken from an altered config. Undefined when it cannot be read or does not have its digest.
 */
export function readConfig(
  store: OllamaStore,
  table: BlobTable,
  index: BlobIndex,
): ConfigReading | undefined {
  let fd: number | undefined;
  try {
    fd = openBlob(store, table, index);
    const bytes = readSmall(fd, configSizeLimit);
    if (bytes === undefined) return refused('it is larger than 1 MiB');
    const digest: Digest = digestFromBytes(createHash('sha256').update(bytes).digest());
    return digest === table.digest(index) ? parseModelConfig(bytes) : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
