import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { describeCause } from '../errors/index.ts';
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

export type ConfigBlob =
  | { readonly kind: 'read'; readonly reading: ConfigReading }
  /** Its bytes do not have its digest. */
  | { readonly kind: 'other-bytes' }
  | { readonly kind: 'unreadable'; readonly problem: string };

/**
 * Reads a config blob for its content. The bytes that are parsed are the bytes whose digest is compared, so nothing
 * is taken from an altered config. Never throws for what the disk does.
 */
export function readConfigBlob(store: OllamaStore, table: BlobTable, index: BlobIndex): ConfigBlob {
  let fd: number | undefined;
  try {
    fd = openBlob(store, table, index);
    const bytes = readSmall(fd, configSizeLimit);
    if (bytes === undefined) return { kind: 'read', reading: refused('it is larger than 1 MiB') };
    const digest: Digest = digestFromBytes(createHash('sha256').update(bytes).digest());
    if (digest !== table.digest(index)) return { kind: 'other-bytes' };
    return { kind: 'read', reading: parseModelConfig(bytes) };
  } catch (error) {
    return { kind: 'unreadable', problem: describeCause(error) };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The content of a config blob; undefined when it cannot be read or does not have its digest. */
export function readConfig(
  store: OllamaStore,
  table: BlobTable,
  index: BlobIndex,
): ConfigReading | undefined {
  const blob = readConfigBlob(store, table, index);
  return blob.kind === 'read' ? blob.reading : undefined;
}
