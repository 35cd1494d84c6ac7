import type { FileIdentity } from '../files/index.ts';
import { fullName, layerKind, parseModelName } from '../oci/index.ts';
import { printable } from '../report/index.ts';
import type { LoadedModel, OpenBlob, OpenBlobs } from '../running/index.ts';
import type { BlobIndex, Report } from '../store/index.ts';
import type { GatheredModel } from './gather-models.ts';
import type { Inventory } from './inventory.ts';
import { ProvenFiles } from './proven-files.ts';

/** How the running server is looked at. */
export interface RunningRequest {
  /** @throws KnownError OLLAMA_UNREACHABLE */
  readonly loaded: () => Promise<readonly LoadedModel[]>;
  readonly open: () => OpenBlobs;
}

/** A process that started less than this after the last change of a file may have read it before: its start is known to a second. */
const startToleranceMs = 2000;

/** `check --running`: what Ollama has loaded, held against the files that this run proved. */
export class RunningModels {
  readonly #request: RunningRequest;
  #proven = new ProvenFiles(0);

  constructor(request: RunningRequest) {
    this.#request = request;
  }

  /** Whether there is somebody to ask is found out before hours of hashing. */
  async begin(blobs: number): Promise<void> {
    await this.#request.loaded();
    this.#proven = new ProvenFiles(blobs);
  }

  /** In which state a blob was proven: read in this run, or taken from a seal. */
  keep(index: BlobIndex, identity: FileIdentity): void {
    this.#proven.set(index, identity, undefined, 1);
  }

  async judge(models: readonly GatheredModel[], inventory: Inventory, report: Report): Promise<void> {
    const loaded = await this.#request.loaded();
    const open = this.#request.open();
    const known = new Map(models.map((model) => [model.record.full.toLowerCase(), model]));
    if (loaded.length === 0) report({ rule: 'running-verified', message: 'Ollama has no model loaded' });
    for (const one of loaded) {
      const model = known.get(nameOf(one.name) ?? '');
      if (model === undefined) {
        const message = `${printable(one.name)} is loaded, and it is no model of this check`;
        report({ rule: 'running-unseen', message });
      } else this.#judgeModel(one, model, open, inventory, report);
    }
  }

  #judgeModel(
    one: LoadedModel,
    { record, manifest }: GatheredModel,
    open: OpenBlobs,
    inventory: Inventory,
    report: Report,
  ): void {
    const model = record.full;
    if (record.idDigest !== undefined && !record.idDigest.endsWith(one.id)) {
      report({
        rule: 'running-altered',
        model,
        expected: record.idDigest,
        actual: `sha256:${one.id}`,
        message: `${record.short} was loaded by another manifest than the one that lies in the store now`,
        hint: stop(record.short),
      });
      return;
    }
    const pids = new Set<number>();
    let complete = manifest !== undefined;
    for (const { digest, mediaType } of manifest?.layers ?? []) {
      const kind = layerKind(mediaType);
      const { index } = inventory.references.get(digest) ?? {};
      const proven = index === undefined ? undefined : this.#proven.get(index)?.identity;
      const uses = open.blobs.filter((use) => use.digest === digest);
      const other = uses.find((use) => use.how === 'open' && proven !== undefined && !isSame(use, proven));
      if (other !== undefined) {
        report({
          rule: 'running-altered',
          ...{ model, layer: kind, digest, expected: `inode ${proven?.ino}`, actual: `inode ${other.ino}` },
          message: `process ${other.pid} has another file open as the ${kind} of ${record.short} than the one that was verified: it was replaced after it was loaded`,
          hint: stop(record.short),
        });
        return;
      }
      const seen = proven === undefined ? [] : uses.filter((use) => isFrom(use, proven));
      for (const { pid } of seen) pids.add(pid);
      if (kind === 'weights' && seen.length === 0) {
        complete = false;
        report({
          rule: 'running-unseen',
          ...{ model, layer: kind, digest },
          message: `${record.short} is loaded, and ${whyUnseen(proven === undefined, uses, open)}`,
        });
      }
    }
    if (!complete) return;
    const by = pids.size === 0 ? '' : `, by process ${[...pids].join(', ')}`;
    report({
      rule: 'running-verified',
      model,
      message: `${record.short} is loaded from the files that were verified${by}`,
    });
  }
}

const stop = (name: string): string => `ollama stop ${name}`;

function nameOf(text: string): string | undefined {
  try {
    return fullName(parseModelName(text)).toLowerCase();
  } catch {
    return undefined;
  }
}

/** Where only /proc/PID/maps may be read, the inode alone is known for certain. */
const isSame = ({ ino, dev }: OpenBlob, proven: FileIdentity): boolean =>
  ino === proven.ino && (dev === undefined || dev === proven.dev);

/** The verified file is open; or its name was given to the process, and it has not changed since before that started. */
const isFrom = (use: OpenBlob, proven: FileIdentity): boolean =>
  use.how === 'open'
    ? isSame(use, proven)
    : Number(proven.ctimeNs / 1_000_000n) + startToleranceMs < use.startedAt;

function whyUnseen(unproven: boolean, uses: readonly OpenBlob[], { closed, found }: OpenBlobs): string {
  if (unproven) return 'its weights were not proven in this run';
  if (!found)
    return 'the process that answers may not be looked at; run as root or as its user, where it runs';
  if (closed.length > 0)
    return `the files of process ${closed.join(', ')} may not be looked at; run as root or as its user`;
  if (uses.length > 0)
    return 'its weights changed about when it was loaded, so that it is not known which bytes were read';
  return 'no process of Ollama has its weights open';
}
