import { createHash } from 'node:crypto';
import type { Companions, TableReference, VerifiedModel } from '../allow-list/index.ts';
import { KnownError } from '../errors/index.ts';
import { type ChunkTable, defaultPieceSize } from '../hash/index.ts';
import { type Digest, digestFromBytes, parseManifest, parseModelName } from '../oci/index.ts';
import type { CheckReport, ModelResult } from '../report/index.ts';
import { OllamaStore, readOneManifest } from '../store/index.ts';
import type { BlobTables } from './blob-tables.ts';
import { check } from './check.ts';
import type { CheckEffects, CheckRequest } from './check-request.ts';
import { whyUnread } from './why-unread.ts';

/** Blobs above this size get a chunk table: 16 MiB. Below it there is one piece, and nothing to share out. */
export const tableFrom = defaultPieceSize;

const sha256 = (bytes: Uint8Array): Digest => digestFromBytes(createHash('sha256').update(bytes).digest());

export interface ForList {
  readonly report: CheckReport;
  /** Empty unless every one of them is sound. */
  readonly models: readonly VerifiedModel[];
  /** Writes their chunk tables and exact manifests beside the list. */
  readonly keep: (companions: Companions) => void;
}

/**
 * Checks models and gives what a list says of them. Tables and digests come from one pass over the same bytes; a
 * manifest that changed after the check is refused.
 *
 * @throws KnownError STORE_NOT_SOUND when anything is wrong or was not hashed, CANCELLED; otherwise as `check`
 */
export async function verifyForList(request: CheckRequest, effects: CheckEffects): Promise<ForList> {
  const made = new Map<Digest, ChunkTable>();
  const tables: BlobTables = {
    tableNamed: () => undefined,
    tableOf: () => undefined,
    whole: false,
    wantedPieces: (bytes) => (bytes > tableFrom ? defaultPieceSize : undefined),
    put: (digest, table) => void made.set(digest, table),
  };
  const report = await check({ ...request, list: undefined, tables }, effects);
  if (effects.signal.aborted) throw new KnownError('CANCELLED');
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
      // Not all that were made: an orphan has one too.
      const listed = new Set(models.flatMap(({ tables: own }) => [...own.keys()]));
      for (const [digest, table] of made) if (listed.has(digest)) companions.putTable(table);
      for (const bytes of manifests) companions.putManifest(bytes);
    },
  };
}

function refuseUnsound({ findings, models, exitCode, partial }: CheckReport): void {
  const failing = findings.filter(({ bit }) => bit !== 0);
  const unproven = models.filter(({ status }) => status !== 'ok');
  if (failing.length === 0 && unproven.length === 0 && exitCode === 0 && !partial) return;
  const first = failing[0]?.message ?? `${unproven[0]?.shortName ?? 'the store'} was not checked to its end`;
  const more = failing.length > 1 ? ` (and ${failing.length - 1} more findings)` : '';
  throw new KnownError('STORE_NOT_SOUND', { problem: `${first}${more}` });
}

function reread(store: OllamaStore, { name, shortName, manifestDigest }: ModelResult): Buffer {
  let bytes: Buffer;
  try {
    bytes = readOneManifest(store, parseModelName(name));
  } catch (error) {
    throw new KnownError(
      'STORE_NOT_SOUND',
      { problem: `the manifest of ${shortName} cannot be read again: ${whyUnread(error)}` },
      error,
    );
  }
  if (sha256(bytes) === manifestDigest) return bytes;
  throw new KnownError('STORE_NOT_SOUND', {
    problem: `the manifest of ${shortName} changed after it was checked`,
  });
}

function verifiedModel(
  { name, shortName }: ModelResult,
  bytes: Buffer,
  made: ReadonlyMap<Digest, ChunkTable>,
): VerifiedModel {
  const reading = parseManifest(bytes);
  if (!reading.ok) {
    throw new KnownError('STORE_NOT_SOUND', { problem: `the manifest of ${shortName} is refused` });
  }
  const tables = new Map<Digest, TableReference>();
  for (const { digest } of reading.manifest.layers) {
    const table = made.get(digest);
    if (table !== undefined) tables.set(digest, referenceTo(table));
  }
  return {
    name: parseModelName(name),
    manifestDigest: sha256(bytes),
    manifestSize: bytes.length,
    manifest: reading.manifest,
    tables,
  };
}

export const referenceTo = (table: ChunkTable): TableReference => ({
  size: table.pieceSize,
  count: table.count,
  table: sha256(table.bytes),
});
