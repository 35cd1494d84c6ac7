import { blobsOf, type CheckedManifest } from '../admission/index.ts';
import type { AllowList } from '../allow-list/index.ts';
import {
  type ArchiveIndex,
  blobName,
  endOfTar,
  entryKind,
  entrySize,
  indexName,
  kindOrder,
  layoutFiles,
  modeOf,
  type PlannedEntry,
  sha256,
  tableName,
  writeIndex,
} from '../archive/index.ts';
import type { BlobStorage, OpenBlob } from '../blobs/index.ts';
import { KnownError } from '../errors/index.ts';
import { type Descriptor, type Digest, fullName, type ModelName, shortName } from '../oci/index.ts';
import type { Base } from './base.ts';

/** A model that is to travel, its manifest read and checked. */
export interface TravellingModel {
  readonly name: ModelName;
  readonly checked: CheckedManifest;
}

/** The signed list that travels along, and its files as a mirror offers them. */
export interface TravellingList {
  readonly list: AllowList;
  /** SHA-256 of the bytes that were accepted. */
  readonly digest: Digest;
  /** Version of the trust policy, 0 without one. */
  readonly trustVersion: number;
  readonly read: (name: string) => Promise<Buffer | undefined>;
}

/** A file from elsewhere: a bill of materials, the tool itself. */
export interface AddedFile {
  /** `bom/NAME`, or the name of the tool. */
  readonly name: string;
  readonly size: number;
  readonly digest: Digest;
  readonly open: () => Promise<OpenBlob>;
}

export interface ExportRequest {
  readonly models: readonly TravellingModel[];
  readonly blobs: Pick<BlobStorage, 'find' | 'read'>;
  readonly list: TravellingList | undefined;
  readonly added: readonly AddedFile[];
  /** What the other side has. */
  readonly base: Base | undefined;
}

/** What an archive will be, to the last byte: the same models, list and base give the same archive. */
export interface ExportPlan {
  /** SHA-256 of the index. */
  readonly id: Digest;
  readonly index: ArchiveIndex;
  readonly indexBytes: Buffer;
  /** The index first. */
  readonly entries: readonly PlannedEntry[];
  /** Bytes of the whole archive. */
  readonly total: number;
  /** Bytes of the blobs of each model, by its full name. */
  readonly models: ReadonlyMap<string, number>;
}

/** @throws KnownError MODEL_ABSENT where a blob is not here; LIST_NOT_ACCEPTED where the list was changed meanwhile */
export async function planExport(request: ExportRequest): Promise<ExportPlan> {
  const models = [...request.models].sort((a, b) => (fullName(a.name) < fullName(b.name) ? -1 : 1));
  const { present, leftOut } = await blobsToSend(models, request);
  const files = [
    ...layoutFiles(models.map(inLayout)).map(inMemory),
    ...(await listFiles(request.list, present)),
    ...request.added.map(({ open, ...rest }) => ({ ...rest, mode: modeOf(rest.name), content: open })),
    ...present,
  ].sort(byPlace);
  const index: ArchiveIndex = {
    models: models.map(({ name, checked: { mediaType, digest } }) => ({ name, mediaType, digest })),
    list: request.list && {
      listId: request.list.list.listId,
      version: request.list.list.version,
      digest: request.list.digest,
    },
    since: request.base?.digest,
    leftOut,
    entries: files.map(({ name, size, digest }) => ({ name, size, digest, kind: entryKind(name) ?? 'blob' })),
  };
  const indexBytes = writeIndex(index);
  const first = inMemory({ name: indexName, bytes: indexBytes });
  const entries = [first, ...files];
  const total = entries.reduce((sum, { size }) => sum + entrySize(size), endOfTar.length);
  const sizes = models.map(({ name, checked }) => {
    const bytes = blobsOf(checked.manifest).reduce((sum, { size }) => sum + size, 0);
    return [fullName(name), bytes] as const;
  });
  return { id: first.digest, index, indexBytes, entries, total, models: new Map(sizes) };
}

const inLayout = ({ name, checked: { mediaType, digest, bytes } }: TravellingModel) => ({
  ...{ name, mediaType, digest, size: bytes.length },
});

const inMemory = ({ name, bytes }: { readonly name: string; readonly bytes: Buffer }): PlannedEntry => ({
  ...{ name, size: bytes.length, mode: modeOf(name), digest: sha256(bytes) },
  content: bytes,
});

/** Kinds in their order; within a kind the order in which they were found, which is that of the models. */
const byPlace = (a: PlannedEntry, b: PlannedEntry): number =>
  kindOrder.indexOf(entryKind(a.name) ?? 'blob') - kindOrder.indexOf(entryKind(b.name) ?? 'blob');

/** Manifests first; then configs and layers, each once, without those that the other side has. */
async function blobsToSend(
  models: readonly TravellingModel[],
  { blobs, base }: ExportRequest,
): Promise<{ readonly present: readonly PlannedEntry[]; readonly leftOut: ArchiveIndex['leftOut'] }> {
  const present = new Map<Digest, PlannedEntry>();
  for (const { checked } of models)
    present.set(checked.digest, inMemory({ name: blobName(checked.digest), bytes: checked.bytes }));
  const leftOut = new Map<Digest, Descriptor>();
  for (const { name, checked } of models) {
    for (const blob of blobsOf(checked.manifest)) {
      const { digest, size } = blob;
      if (present.has(digest) || leftOut.has(digest)) continue;
      if (base?.has(digest) === true) {
        leftOut.set(digest, blob);
        continue;
      }
      const stored = await blobs.find(digest);
      if (stored?.size !== size) throw new KnownError('MODEL_ABSENT', { name: shortName(name) });
      const content = () => blobs.read(digest);
      present.set(digest, { name: blobName(digest), size, mode: modeOf(''), digest, content });
    }
  }
  return {
    present: [...present.values()],
    leftOut: [...leftOut.values()].map(({ digest, size }) => ({ digest, size })),
  };
}

/** The list, who approved it and by which policy, and the chunk tables of the blobs that travel. */
async function listFiles(
  travelling: TravellingList | undefined,
  present: readonly PlannedEntry[],
): Promise<readonly PlannedEntry[]> {
  if (travelling === undefined) return [];
  const { list, digest, trustVersion, read } = travelling;
  const files: PlannedEntry[] = [];
  const add = async (name: string) => {
    const bytes = await read(name);
    if (bytes !== undefined) files.push(inMemory({ name, bytes }));
  };
  await add('allow-list.json');
  if (files[0]?.digest !== digest)
    throw new KnownError('LIST_NOT_ACCEPTED', { reason: 'its file was changed while it was read' });
  await add('allow-list.json.sigstore.jsonl');
  if (trustVersion > 0) {
    for (const name of ['trust.json', 'trust.json.sigstore.jsonl', 'trusted_root.json']) await add(name);
    for (let version = 1; version < trustVersion; version += 1)
      for (const name of [`trust/${version}.json`, `trust/${version}.json.sigstore.jsonl`]) await add(name);
  }
  const travels = new Set(present.map((entry) => entry.digest));
  const tables = new Set<Digest>();
  for (const { config, layers } of list.models.values())
    for (const { digest: blob, chunks } of [config, ...layers])
      if (chunks !== undefined && travels.has(blob)) tables.add(chunks.table);
  for (const table of [...tables].sort()) {
    const bytes = await read(tableName(table));
    // One that is missing or damaged is information: the whole digest is used then.
    if (bytes !== undefined && sha256(bytes) === table)
      files.push(inMemory({ name: tableName(table), bytes }));
  }
  return files;
}
