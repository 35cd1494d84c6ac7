import { rawToText } from '../files/index.ts';
import { typedCommand } from '../findings/index.ts';
import { shownSize } from '../report/index.ts';
import { type BlobObstacle, BlobTable, type OllamaStore, type Report, readBlobs } from '../store/index.ts';
import type { GatheredModel } from './gather-models.ts';
import { References } from './model-records.ts';

/** Everything in `blobs/`, held against what the manifests name. */
export interface Inventory {
  readonly table: BlobTable;
  readonly references: References;
  readonly orphans: number;
  readonly partials: number;
  /** False when `blobs/` was not read to its end: what was not reached is unchecked, not missing. */
  readonly complete: boolean;
}

export interface InventoryRequest {
  /** The models of this check. */
  readonly models: readonly GatheredModel[];
  /** All models of the store: their blobs are no orphans. */
  readonly all: readonly GatheredModel[];
  /** False when models were named: the rest of the store is then left alone. */
  readonly whole: boolean;
  /** False when a manifest was not read to its end: what seems an orphan may be a blob that it names. */
  readonly manifestsRead: boolean;
  readonly now: Date;
  readonly signal: AbortSignal;
}

/** Reads `blobs/`, ties each entry to the manifests that name it, and reports what lies there beside. */
export async function takeInventory(
  store: OllamaStore,
  request: InventoryRequest,
  report: Report,
): Promise<Inventory> {
  const table = new BlobTable();
  const references = referencesOf(request.models);
  const known = request.whole ? references : referencesOf(request.all);
  let orphans = 0;
  let partials = 0;
  const old: BlobObstacle[] = [];
  const stray = (obstacle: BlobObstacle) => {
    if (!request.whole) return;
    if (obstacle.rule === 'blob-missing') orphans += 1;
    reportStrayObstacle(obstacle, report);
  };
  const complete = await readBlobs(store, table, {
    report: request.whole ? report : aboutBlobs(report),
    now: request.now,
    signal: request.signal,
    wanted: (digest) => request.whole || references.get(digest) !== undefined,
    onBlob(index, digest) {
      const reference = references.get(digest);
      if (reference !== undefined) {
        // A colon name counts only where the proper name is missing: Ollama renames it at its next start.
        if (reference.index === undefined || table.isColon(reference.index)) reference.index = index;
        return;
      }
      if (known.get(digest) !== undefined) return;
      orphans += 1;
      const path = `blobs/${rawToText(table.fileName(index))}`;
      reportOrphan(store, { path, digest, size: table.size(index) }, request.manifestsRead, report);
    },
    onObstacle(obstacle) {
      const reference = references.get(obstacle.digest);
      if (reference === undefined) stray(obstacle);
      else if (obstacle.colon) old.push(obstacle);
      else reference.obstacle = obstacle;
    },
    onPartial() {
      partials += 1;
    },
  });
  for (const obstacle of old) reportOldName(obstacle, references, report);
  return { table, references, orphans, partials, complete };
}

/** In the place of the blob where the proper name is missing; beside it, what will be renamed over it. */
function reportOldName(obstacle: BlobObstacle, references: References, report: Report): void {
  const reference = references.get(obstacle.digest);
  if (reference === undefined) return;
  if (reference.index === undefined && reference.obstacle === undefined) {
    reference.obstacle = obstacle;
    return;
  }
  const { rule, path, digest, message, actual, hint } = obstacle;
  // A link to nowhere misses nothing here; that it will be renamed was said of its name.
  if (rule === 'blob-missing') return;
  report({ rule, path, digest, actual, message: `${message}; the proper name is there beside it`, hint });
}

function referencesOf(models: readonly GatheredModel[]): References {
  const references = new References();
  for (const { record, manifest, mentions } of models) {
    for (const { digest, kind, size } of manifest === undefined
      ? []
      : [manifest.config, ...manifest.layers]) {
      references.add(digest, { model: record, kind, size });
    }
    for (const digest of mentions) references.add(digest, { model: record, kind: 'layer', size: undefined });
  }
  return references;
}

/** With models named, only facts about their own blobs are told; those alone carry a digest. */
const aboutBlobs =
  (report: Report): Report =>
  (fact) => {
    if (fact.digest !== undefined) report(fact);
  };

function reportOrphan(
  store: OllamaStore,
  { path, digest, size }: { readonly path: string; readonly digest: string; readonly size: number },
  manifestsRead: boolean,
  report: Report,
): void {
  const read = manifestsRead ? '' : ' that could be read';
  const message = `${path} (${shownSize(size)}) is named by no manifest${read}; it is hashed all the same`;
  // Nobody is told to remove what an unread manifest may name.
  const hint = manifestsRead ? typedCommand(['rm', `${store.path}/${path}`]) : undefined;
  report({ rule: 'blob-orphan', path, digest, actual: `${size}`, message, hint });
}

function reportStrayObstacle(obstacle: BlobObstacle, report: Report): void {
  const { digest, path, message, actual, hint } = obstacle;
  // A link to nowhere that no manifest names misses nothing.
  const rule = obstacle.rule === 'blob-missing' ? 'blob-orphan' : obstacle.rule;
  report({ rule, path, digest, actual, message: `${message}; no manifest names it`, hint });
}
