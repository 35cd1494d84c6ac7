import { createHash } from 'node:crypto';
import type { Companions, TableReference, VerifiedModel } from '../allow-list/index.ts';
import { describeCause, KnownError } from '../errors/index.ts';
import { type ChunkTable, defaultPieceSize } from '../hash/index.ts';
import { type Digest, digestFromBytes, parseManifest, parseModelName } from '../oci/index.ts';
import type { CheckReport, ModelResult } from '../report/index.ts';
import { OllamaStore, readOneManifest } from '../store/index.ts';
import type { BlobTables } from './blob-tables.ts';
import { check } from './check.ts';
import type { CheckEffects, CheckRequest } from './check-request.ts';

/** Blobs above this size get a chunk table: 16 MiB. */
const tableFrom = defaultPieceSize;

export interface ForList {
  readonly report: CheckReport;
  /** Empty unless every one of them is sound. */
  readonly models: readonly VerifiedModel[];
  /** Writes tables and exact manifests beside the list. */
  readonly keep: (companions: Companions) => void;
}

/**
 * Checks models and gives what a list says of them. Tables and digests come from one pass over the same bytes; a
 * manifest that changed after the check is refused.
 *
 * @throws KnownError STORE_NOT_SOUND when anything is wrong or was not hashed; otherwise as `check`
 */
export async function verifyForList(request: CheckRequest, effects: CheckEffects): Promise<ForList> {
  const made = new Map<Digest, ChunkTable>();
  const tables: BlobTables = {
    tableOf: () => undefined,
    whole: false,
    wantedPieces: (bytes) => (bytes > tableFrom ? defaultPieceSize : undefined),
    put: (digest, table) => void made.set(digest, table),
  };
  const report = await check({ ...request, tables }, effects);
  refuseUnsound(report);
  using store = OllamaStore.open(request.store, request.followLinksInto, () => {});
  const manifests: Buffer[] = [];
  const models = report.models.map((result) => {
    const bytes = reread(store, result);
    manifests.push(bytes);
    return verifiedModel(result, bytes, made);
  });
  return {
    report,
    models,
    keep(companions) {
      for (const table of made.values()) companions.putTable(table);
      for (const bytes of manifests) companions.putManifest(bytes);
    },
  };
}

function refuseUnsound(report: CheckReport): void {
  const first = report.findings.find(({ bit }) => bit !== 0);
  const bad = report.models.filter(({ status }) => status !== 'ok').length;
  if (first === undefined && bad === 0 && report.exitCode === 0) return;
  const problem = first?.message ?? `${bad} of ${report.models.length} models were not checked to their end`;
  throw new KnownError('STORE_NOT_SOUND', { problem });
}

function reread(store: OllamaStore, { name, shortName, manifestDigest }: ModelResult): Buffer {
  let bytes: Buffer;
  try {
    bytes = readOneManifest(store, parseModelName(name));
  } catch (error) {
    throw new KnownError(
      'STORE_NOT_SOUND',
      { problem: `the manifest of ${shortName}: ${describeCause(error)}` },
      error,
    );
  }
  if (digestFromBytes(createHash('sha256').update(bytes).digest()) === manifestDigest) return bytes;
  throw new KnownError('STORE_NOT_SOUND', {
    problem: `the manifest of ${shortName} changed after it was checked`,
  });
}

function verifiedModel(
  { name }: ModelResult,
  bytes: Buffer,
  made: ReadonlyMap<Digest, ChunkTable>,
): VerifiedModel {
  const reading = parseManifest(bytes);
  if (!reading.ok) throw new KnownError('STORE_NOT_SOUND', { problem: `the manifest of ${name} is refused` });
  const tables = new Map<Digest, TableReference>();
  for (const { digest } of reading.manifest.layers) {
    const table = made.get(digest);
    if (table !== undefined) tables.set(digest, referenceTo(table));
  }
  return {
    name: parseModelName(name),
    manifestDigest: digestFromBytes(createHash('sha256').update(bytes).digest()),
    manifestSize: bytes.length,
    manifest: reading.manifest,
    tables,
  };
}

const referenceTo = (table: ChunkTable): TableReference => ({
  size: table.pieceSize,
  count: table.count,
  table: digestFromBytes(createHash('sha256').update(table.bytes).digest()),
});
