import { createHash } from 'node:crypto';
import type { Companions, VerifiedModel } from '../allow-list/index.ts';
import { KnownError } from '../errors/index.ts';
import { type ChunkTable, defaultPieceSize, parseChunkTable } from '../hash/index.ts';
import {
  type Descriptor,
  type Digest,
  digestFromBytes,
  type ModelName,
  parseManifest,
  shortName,
} from '../oci/index.ts';
import type { PieceSource, Range, Upstream } from '../upstream/index.ts';
import { referenceTo, tableFrom } from './verify-for-list.ts';

export interface RemoteEffects {
  readonly signal: AbortSignal;
  /** So many bytes of a blob are read, of so many. */
  readonly arrived: (digest: Digest, bytes: number, size: number) => void;
}

export interface RemoteModels {
  readonly models: readonly VerifiedModel[];
  /** Writes their chunk tables and exact manifests beside the list. */
  readonly keep: (companions: Companions) => void;
}

/**
 * Reads models from a registry to the last byte, holds every blob against its digest, and gives what a list says of
 * them. Tables and digests come from one pass over the same bytes, of which nothing is kept.
 *
 * @throws KnownError MANIFEST_REFUSED, BLOB_NOT_AS_NAMED; what the registry says
 */
export async function verifyRemote(
  names: readonly ModelName[],
  upstream: Upstream,
  effects: RemoteEffects,
): Promise<RemoteModels> {
  const tables = new Map<Digest, ChunkTable>();
  const seen = new Set<Digest>();
  const manifests: Buffer[] = [];
  const models: VerifiedModel[] = [];
  for (const name of names) {
    const repository = `${name.namespace}/${name.model}`;
    const bytes = await upstream.manifest(repository, name.tag, effects.signal);
    const reading = parseManifest(bytes);
    if (!reading.ok) {
      const problem = reading.problems[0]?.detail ?? 'it is no manifest';
      throw new KnownError('MANIFEST_REFUSED', { name: shortName(name), problem: String(problem) });
    }
    const { manifest } = reading;
    for (const entry of [...manifest.layers, manifest.config]) {
      if (seen.has(entry.digest)) continue;
      const source = upstream.blob(repository, entry.digest, entry.size);
      const table = await readThrough(source, entry, effects);
      seen.add(entry.digest);
      if (entry.size > tableFrom) tables.set(entry.digest, table);
    }
    manifests.push(bytes);
    const own = manifest.layers.flatMap(({ digest }) => {
      const table = tables.get(digest);
      return table === undefined ? [] : [[digest, referenceTo(table)] as const];
    });
    const manifestDigest = digestFromBytes(createHash('sha256').update(bytes).digest());
    models.push({ name, manifestDigest, manifestSize: bytes.length, manifest, tables: new Map(own) });
  }
  return {
    models,
    keep(companions) {
      for (const table of tables.values()) companions.putTable(table);
      for (const bytes of manifests) companions.putManifest(bytes);
    },
  };
}

/** Hashes one blob as it comes: pieces arrive several at once and are taken in their order. */
async function readThrough(
  source: PieceSource,
  { digest, size }: Descriptor,
  { signal, arrived }: RemoteEffects,
): Promise<ChunkTable> {
  const count = Math.ceil(size / defaultPieceSize);
  const ranges: Range[] = Array.from({ length: count }, (_, at) => ({
    start: at * defaultPieceSize,
    end: Math.min((at + 1) * defaultPieceSize, size),
  }));
  const whole = createHash('sha256');
  const pieces: Buffer[] = [];
  // Who waits for the piece before; begun in order, so that the earliest is always among those in flight.
  const turns = ranges.map(() => Promise.withResolvers<void>());
  await source.pieces(
    ranges,
    async ({ start, end }, bytes) => {
      const at = start / defaultPieceSize;
      await turns[at - 1]?.promise;
      whole.update(bytes);
      pieces[at] = createHash('sha256').update(bytes).digest();
      arrived(digest, end, size);
      turns[at]?.resolve();
    },
    signal,
  );
  const actual = digestFromBytes(whole.digest());
  if (actual !== digest) throw new KnownError('BLOB_NOT_AS_NAMED', { expected: digest, actual });
  return parseChunkTable(Buffer.concat(pieces), size, defaultPieceSize);
}
